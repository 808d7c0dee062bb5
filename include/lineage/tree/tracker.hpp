// The tracker: observations in, the process tree out. It is pure: no clock, file, socket or database, and the same
// observations give the same tree, ids included. Its whole state can be saved and restored between any two of them.
//
// Not thread safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/base/result.hpp"
#include "lineage/model/forest.hpp"
#include "lineage/model/observation.hpp"

namespace lineage::tree {

/// Where changes go. A process is handed over whole, as it now is; an image likewise.
class ChangeSink {
public:
    virtual ~ChangeSink() = default;
    virtual void boot(const model::Boot& boot) = 0;
    virtual void process(const model::Process& process) = 0;
    virtual void image(model::Id owner, const model::Image& image) = 0;
    /// `owner` has no image from `seq` on (they turned out to be another process's).
    virtual void images_end(model::Id owner, std::int32_t seq) = 0;
    /// All the attempts that are kept of `owner`, instead of those told before.
    virtual void attempts(model::Id owner, const std::vector<model::Attempt>& attempts) = 0;
    virtual void record(model::Id id, model::Id owner, const model::KeptEvent& event) = 0;
    virtual void record_moved(model::Id id, model::Id owner) = 0;  ///< it turned out to be another process's
    /// The process turned out to be another one seen twice, or no process; what hung on it has been moved.
    virtual void removed(model::Id process) = 0;
    virtual void gap(const model::Gap& gap) = 0;  ///< inserts or replaces by id; likewise:
    virtual void tamper(const model::Tamper& tamper) = 0;
};

/// A question that only /proc can answer now: what is this pid? The answer comes back as a model::Seen or not at all.
struct Question {
    model::Pid pid = 0;
};

struct Counters {
    std::uint64_t observations = 0;
    std::uint64_t processes = 0;  ///< ever created
    std::uint64_t images = 0;
    std::uint64_t in_memory = 0;  ///< lives kept now
};

/// The last id of each kind that has been given out.
struct Ids {
    model::Id process = 0;
    model::BootId boot = 0;
    model::Id gap = 0;
    model::Id tamper = 0;
    model::Id record = 0;
};

class Tracker {
public:
    Tracker();
    ~Tracker();
    Tracker(Tracker&&) noexcept;
    Tracker& operator=(Tracker&&) noexcept;

    /// What another history tells of the boot that the first observation comes from: its lives as they were then, under
    /// the ids that they have there. A parent that had died by then is not among them, and stays the parent; of whom it
    /// is lost, 0 says. Nothing has been observed yet, and their ids are reserved.
    void know(const model::Boot& boot, std::vector<model::Node>&& lives);
    void observe(model::Observation&& observation);
    /// No more will come (end of an imported log): settles what waits for later knowledge.
    void finish();

    /// Everything that has changed since the last call, each thing once: boots, removals, processes by id with their
    /// images and attempts, records, gaps, tampering.
    void take_changes(ChangeSink& sink);
    [[nodiscard]] std::size_t pending_changes() const;
    std::vector<Question> take_questions();
    /// Sentences for the operator: tampering that only the records tell of.
    std::vector<std::string> take_alarms();

    /// Ids that are given out from now on are larger than these (ids already in the database).
    void reserve_ids(const Ids& taken);
    [[nodiscard]] Ids last_ids() const;
    [[nodiscard]] Counters counters() const;

    void save(std::string& out) const;
    base::Status restore(std::string_view saved);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace lineage::tree
