// A store::Writer that keeps the rows in maps, for tests that look at them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lineage/store/store.hpp"

namespace sim {

namespace model = lineage::model;
namespace base = lineage::base;

class MemoryStore final : public lineage::store::Writer {
public:
    std::map<model::Id, model::Process> processes;
    std::map<std::pair<model::Id, std::int32_t>, model::Image> images;
    std::map<model::Id, std::vector<model::Attempt>> attempts;
    std::map<model::Id, std::pair<model::Id, model::KeptEvent>> records;  ///< with the owner
    std::vector<model::Boot> boots;
    std::vector<model::Gap> gaps;
    std::map<model::Id, model::Tamper> tampering;
    lineage::store::Progress saved;
    std::vector<lineage::store::Bounds> kept_within;  ///< as it was asked to, each time
    model::TimeNs kept_at_ns = 0;

    base::Result<lineage::store::Progress> progress() override { return saved; }
    base::Result<lineage::store::LastIds> last_ids() override { return lineage::store::LastIds{}; }
    base::Status begin() override { return {}; }
    void put(const model::Boot& boot) override { boots.push_back(boot); }
    void put(const model::Process& process) override { processes[process.id] = process; }
    void put(model::Id owner, const model::Image& image) override { images[{owner, image.seq}] = image; }
    void drop_images(model::Id owner, std::int32_t from) override {
        for (auto at = images.lower_bound({owner, from}); at != images.end() && at->first.first == owner;)
            at = images.erase(at);
    }
    void put(model::Id owner, const std::vector<model::Attempt>& all) override { attempts[owner] = all; }
    void put(model::Id id, model::Id owner, const model::KeptEvent& event) override { records[id] = {owner, event}; }
    void move_record(model::Id id, model::Id owner) override { records[id].first = owner; }
    void drop(model::Id process) override {
        processes.erase(process);
        attempts.erase(process);
        std::erase_if(records, [&](const auto& row) { return row.second.first == process; });
        drop_images(process, 0);
    }
    void put(const model::Gap& gap) override { gaps.push_back(gap); }
    void put(const model::Tamper& tamper) override { tampering[tamper.id] = tamper; }
    void set_position(std::uint64_t position) override { saved.position = position; }
    void set_checkpoint(std::uint64_t position, std::string_view state) override {
        saved.checkpoint_position = position;
        saved.checkpoint = state;
    }
    void set_fact(std::string_view, std::string_view) override {}
    void drop_boot(std::string_view) override {}
    std::int64_t processes_of_imports() override { return 0; }
    base::Status commit() override { return {}; }
    void rollback() override {}
    base::Result<bool> keep_within(const lineage::store::Bounds& bounds, model::TimeNs now_ns) override {
        kept_within.push_back(bounds);
        kept_at_ns = now_ns;
        return false;
    }
};

}  // namespace sim
