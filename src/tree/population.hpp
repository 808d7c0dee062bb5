// The lives in memory: by id, by pid in order of birth, and as a tree of creation parents; which of them have changed,
// and when the dead are forgotten.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "life.hpp"
#include "lineage/base/codec.hpp"

namespace lineage::tree {

class Population {
public:
    /// A new life of `pid`, placed among the pid's lives by its `from_ns`, which therefore is given first.
    Life& create(model::BootId boot, model::Pid pid, model::TimeNs from_ns);
    /// A life of another history, which has an id: not larger than `last_id`, and nobody else's.
    Life& take_in(model::Process&& process);
    Life* find(model::Id id);
    /// The pid's lives in memory, oldest first.
    const std::vector<Life*>& lives(model::Pid pid) const;
    /// The pid's newest life; nullptr where there is none.
    Life* newest(model::Pid pid) const;

    /// The pid's life before (-1) or after (+1) this one.
    Life* neighbour(const Life& life, int step) const;
    /// Its beginning has changed: puts it where it belongs among the pid's lives.
    void reorder(Life& life);

    void link(Life& child, Life& parent);
    void touch(Life& life);
    void touch_image(Life& life, std::int32_t seq);
    /// Forgets it, and has the sink told if the sink knew it.
    void remove(Life& life);

    /// The dead wait here until nothing can come for them any more.
    void bury(Life& life);
    /// Forgets the dead that ended before `horizon_ns`, and the oldest beyond the bound.
    void forget(model::TimeNs horizon_ns);
    /// Forgets everyone: another boot has begun.
    void clear();

    /// Ascending ids.
    std::vector<model::Id> ids() const;
    [[nodiscard]] std::size_t size() const { return by_id_.size(); }

    /// Visits every life that has changed since the last call, those just forgotten included, by ascending id.
    void take_changed(const std::function<void(Life&)>& visit);
    std::vector<model::Id> take_removed();  ///< ascending
    [[nodiscard]] std::size_t changes() const { return changed_.size() + departing_.size() + removed_.size(); }

    model::Id last_id = 0;
    std::uint64_t created = 0;

    void save(base::Encoder& out) const;
    void restore(base::Decoder& in);

private:
    static constexpr std::size_t dead_max = 100'000;
    Life& place(std::unique_ptr<Life> life);
    void insert_by_pid(Life& life);
    void unlink(Life& life);
    std::unique_ptr<Life> extract(Life& life);
    void depart(Life& life);

    std::unordered_map<model::Id, std::unique_ptr<Life>> by_id_;
    std::unordered_map<model::Pid, std::vector<Life*>> by_pid_;
    std::deque<model::Id> dead_;
    std::vector<model::Id> changed_;
    std::vector<std::unique_ptr<Life>> departing_;  ///< forgotten, but their last changes have not been taken
    std::vector<model::Id> removed_;
};

void save(const Life& life, base::Encoder& out);
void restore(Life& life, base::Decoder& in);
void save(const model::AuditFork& fork, base::Encoder& out);
void restore(model::AuditFork& fork, base::Decoder& in);

}  // namespace lineage::tree
