// Any bytes as the frames of a journal, all sources mixed (a length byte, a source, a type, a payload): the
// pipeline takes what it understands, and the history that comes of it is a forest.
#include <cstdint>
#include <string_view>

#include "forest_check.hpp"
#include "lineage/ingest/pipeline.hpp"

using namespace lineage;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    fuzz::ForestCheck store;
    ingest::Pipeline pipeline(store, {.slack = 4, .window = 16, .remembered = 16});  // small: made for each input
    std::int64_t now_ns = 1'700'000'000'000'000'000;
    while (rest.size() >= 3) {
        const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(rest[at]); };
        model::Frame frame;
        frame.source = static_cast<model::Source>(1 + byte(1) % 5);
        frame.type = frame.source == model::Source::audit ? static_cast<std::uint16_t>(1100 + 4 * byte(2)) : byte(2);
        frame.received_ns = now_ns += 1'000'000;
        frame.payload = rest.substr(3, byte(0));
        rest.remove_prefix(3 + frame.payload.size());
        pipeline.frame(frame);
    }
    pipeline.finish();
    CHECK(pipeline.commit(0).has_value());
    store.check();
    return 0;
}
