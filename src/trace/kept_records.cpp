// The records of one event out of the history, where they were kept.
#include <algorithm>

#include "lineage/trace/event.hpp"

namespace lineage::trace {

namespace {

class KeptRecords final : public RecordSource {
public:
    explicit KeptRecords(store::Reader& reader) : reader_(reader) {}

    base::Result<std::vector<Records>> records(model::TimeNs time_ns, std::int64_t serial) override {
        auto kept = reader_.kept_at(time_ns, serial);
        if (!kept) return tl::unexpected(kept.error());
        const auto boots = reader_.boots();
        if (!boots) return tl::unexpected(boots.error());
        std::vector<Records> found;
        for (auto& one : *kept) {
            const auto boot = std::find_if(boots->begin(), boots->end(),
                                           [&](const model::Boot& other) { return other.id == one.boot; });
            found.push_back({boot == boots->end() ? "" : boot->host, std::move(one.event.text)});
        }
        return found;
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
