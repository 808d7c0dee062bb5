// The tracker's changes on their way into the store's open transaction.
#pragma once

#include "lineage/store/store.hpp"
#include "lineage/tree/tracker.hpp"

namespace lineage::ingest {

/// Changes held in memory before they are handed to the open transaction, where nobody waits for them. Larger batches
/// spare rewriting a process that changes several times in its short life.
constexpr std::size_t batch_changes = 20'000;

class StoreSink final : public tree::ChangeSink {
public:
    /// `replace_boots`: an import; a boot that the database has already is replaced.
    StoreSink(store::Writer& writer, bool replace_boots) : writer_(writer), replace_boots_(replace_boots) {}
    void boot(const model::Boot& boot) override {
        if (replace_boots_) writer_.drop_boot(boot.name);
        writer_.put(boot);
    }
    void process(const model::Process& process) override { writer_.put(process); }
    void image(model::Id owner, const model::Image& image) override { writer_.put(owner, image); }
    void images_end(model::Id owner, std::int32_t seq) override { writer_.drop_images(owner, seq); }
    void attempts(model::Id owner, const std::vector<model::Attempt>& attempts) override {
        writer_.put(owner, attempts);
    }
    void record(model::Id id, model::Id owner, const model::KeptEvent& event) override {
        writer_.put(id, owner, event);
    }
    void record_moved(model::Id id, model::Id owner) override { writer_.move_record(id, owner); }
    void removed(model::Id process) override { writer_.drop(process); }
    void gap(const model::Gap& gap) override { writer_.put(gap); }
    void tamper(const model::Tamper& tamper) override { writer_.put(tamper); }

private:
    store::Writer& writer_;
    bool replace_boots_;
};

}  // namespace lineage::ingest
