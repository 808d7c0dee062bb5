// Any bytes as a log for `lineage trace`, cut anywhere: without the lines that it adds the log is what it was, each
// event is told, and JSON is a line an event.
// seeds: golden
#include <cstdint>
#include <string>
#include <string_view>

#include "lineage/base/check.hpp"
#include "lineage/trace/trace.hpp"
#include "one_process_reader.hpp"

using namespace lineage;

namespace {

struct Traced {
    std::string out;
    trace::Report report;
};

Traced traced(std::string_view log, bool json, std::size_t piece) {
    fuzz::OneProcessReader reader;
    Traced result;
    trace::Options options;
    options.json = json;
    options.history_bytes_max = piece;
    options.live = piece % 2 == 0;
    trace::Tracer tracer(reader, options, [&](std::string_view bytes) { result.out += bytes; });
    std::int64_t now_ms = 1'763'720'000'000;
    for (; !log.empty(); now_ms += 60) {
        const auto some = log.substr(0, piece);
        log.remove_prefix(some.size());
        CHECK(tracer.feed(some, now_ms).has_value());
        CHECK(tracer.advance(now_ms + 30).has_value());
    }
    CHECK(tracer.finish().has_value());
    CHECK(!tracer.holds());
    result.report = tracer.report();
    return result;
}

/// Without lines that look like ours, from wherever they are.
std::string plain(std::string_view text) {
    std::string kept;
    while (!text.empty()) {
        const auto size = std::min(text.find('\n'), text.size() - 1) + 1;
        if (text.substr(0, 8) != "history=") kept += text.substr(0, size);
        text.remove_prefix(size);
    }
    while (!kept.empty() && kept.back() == '\n') kept.pop_back();
    return kept;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view log(reinterpret_cast<const char*>(data), size);
    const std::size_t piece = size == 0 ? 1 : 1 + data[0] * 7U;
    const auto text = traced(log, false, piece);
    CHECK(plain(text.out) == plain(log));
    CHECK(text.report.events <= text.report.records);
    CHECK((text.report.events == 0) == (text.report.records == 0));
    const auto json = traced(log, true, piece);
    CHECK(json.report.events == text.report.events);
    std::uint64_t lines = 0;
    for (const char c : json.out) lines += c == '\n' ? 1 : 0;
    CHECK(lines == json.report.events);
    return 0;
}
