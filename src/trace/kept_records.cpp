// The records of one event out of the history, where they were kept.
#include "lineage/trace/event.hpp"

namespace lineage::trace {

namespace {

class KeptRecords final : public RecordSource {
public:
    explicit KeptRecords(store::Reader& reader) : reader_(reader) {}

    base::Result<std::string> records(model::TimeNs time_ns, std::int64_t serial) override {
        auto kept = reader_.record(time_ns, serial);
        if (!kept) return tl::unexpected(kept.error());
        return *kept ? std::move((*kept)->text) : std::string();
    }
    [[nodiscard]] std::string name() const override { return "the history"; }

private:
    store::Reader& reader_;
};

}  // namespace

std::unique_ptr<RecordSource> kept_records(store::Reader& reader) {
    return std::make_unique<KeptRecords>(reader);
}

}  // namespace lineage::trace
