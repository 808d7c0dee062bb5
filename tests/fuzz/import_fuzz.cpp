// Any bytes as an audit log, through everything that `lineage import` runs it through: whatever it holds, the history
// that comes of it is a forest.
// seeds: golden
#include <cstdint>
#include <string_view>

#include "forest_check.hpp"
#include "lineage/ingest/pipeline.hpp"

using namespace lineage;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    fuzz::ForestCheck store;
    ingest::Pipeline pipeline(store, {.slack = 4, .window = 16, .remembered = 16});  // small: made for each input
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        model::Frame frame;
        frame.source = model::Source::audit_line;
        frame.payload = text.substr(0, end);
        pipeline.frame(frame);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    pipeline.finish();
    CHECK(pipeline.commit(0).has_value());
    store.check();
    return 0;
}
