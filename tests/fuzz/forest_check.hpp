// A store that keeps nothing but what is needed to say whether the history in it is a forest: every process has one
// parent that exists, of its own boot, every chain ends at a root, and no chain is a circle.
#pragma once

#include <map>

#include "lineage/base/check.hpp"
#include "lineage/store/store.hpp"

namespace lineage::fuzz {

class ForestCheck : public store::Writer {
public:
    base::Result<store::Progress> progress() override { return store::Progress{}; }
    base::Result<store::LastIds> last_ids() override { return store::LastIds{}; }
    base::Status begin() override { return {}; }
    void put(const model::Boot&) override {}
    void put(const model::Process& process) override { born_[process.id] = {process.parent, process.boot}; }
    void put(model::Id, const model::Image&) override {}
    void drop_images(model::Id, std::int32_t) override {}
    void put(model::Id, const std::vector<model::Attempt>&) override {}
    void put(model::Id, model::Id, const model::KeptEvent&) override {}
    void move_record(model::Id, model::Id) override {}
    void drop(model::Id process) override { born_.erase(process); }
    void put(const model::Gap&) override {}
    void put(const model::Tamper&) override {}
    base::Result<bool> keep_within(const store::Bounds&, model::TimeNs) override { return false; }
    void set_position(std::uint64_t) override {}
    void set_checkpoint(std::uint64_t, std::string_view) override {}
    void set_fact(std::string_view, std::string_view) override {}
    void drop_boot(std::string_view) override {}
    std::int64_t processes_of_imports() override { return 0; }
    base::Status commit() override { return {}; }
    void rollback() override {}

    void check() const {
        for (const auto& [id, process] : born_) {
            std::size_t steps = 0;
            for (auto parent = process.parent; parent != 0;) {
                const auto found = born_.find(parent);
                CHECK(found != born_.end());
                CHECK(found->second.boot == process.boot);
                CHECK(++steps <= born_.size());
                parent = found->second.parent;
            }
        }
    }

private:
    struct Born {
        model::Id parent = 0;
        model::BootId boot = 0;
    };
    std::map<model::Id, Born> born_;
};

}  // namespace lineage::fuzz
