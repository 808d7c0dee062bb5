// What auditd's log_format = ENRICHED appends to a record says nothing to us, whatever it is: with any bytes behind the
// separator on every line, what comes of a log is the same as without them.
// seeds: golden
#include <cstdint>
#include <string>
#include <string_view>

#include "forest_check.hpp"
#include "lineage/base/check.hpp"
#include "lineage/ingest/pipeline.hpp"

using namespace lineage;

namespace {

/// Everything that is put, in words.
class Told final : public fuzz::ForestCheck {
public:
    void put(const model::Process& process) override {
        all += std::to_string(process.id) + ' ' + std::to_string(process.pid) + ' ' + std::to_string(process.parent) +
               ' ' + process.comm + '\n';
    }
    void put(model::Id owner, const model::Image& image) override {
        all += std::to_string(owner) + ' ' + image.exe + ' ' + image.comm + '\n';
    }
    std::string all;
};

std::string told_of(std::string_view text, std::string_view appended) {
    Told store;
    ingest::Pipeline pipeline(store, {.slack = 4, .window = 16, .remembered = 16});
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = std::string(text.substr(0, end)) + std::string(appended);
        model::Frame frame;
        frame.source = model::Source::audit_line;
        frame.payload = line;
        pipeline.frame(frame);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    pipeline.finish();
    CHECK(pipeline.commit(0).has_value());
    return store.all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const auto split = std::min(input.find('\0'), input.size());
    const auto log = input.substr(0, split);
    const auto enrichment = "\x1d" + std::string(input.substr(split));
    CHECK(told_of(log, "") == told_of(log, enrichment));
    return 0;
}
