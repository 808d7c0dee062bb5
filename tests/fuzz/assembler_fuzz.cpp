// Any bytes as lines of an audit log, and as records of the kernel: the assembler neither crashes nor reads beyond
// them, and what it holds stays bounded. Saving and restoring it in the middle changes nothing in what it hands over.
// seeds: golden
#include <cstdint>
#include <string>
#include <string_view>

#include "lineage/audit/assembler.hpp"
#include "lineage/base/check.hpp"

using namespace lineage;

namespace {

/// Small, since it is made anew for each input, and so that every limit is met.
constexpr audit::AssemblerLimits limits{.slack = 4, .window = 16, .remembered = 16};

struct Seen {
    std::size_t observations = 0;
    audit::AssemblerCounters counters;
};

Seen assemble(std::string_view text, bool as_lines, bool interrupted) {
    Seen seen;
    const auto take = [&](model::Observation&&) { ++seen.observations; };
    audit::Assembler assembler(take, limits);
    std::int64_t now_ns = 0;
    std::size_t count = 0;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        now_ns += 1'000'000;
        if (as_lines) {
            assembler.line(line, now_ns);
        } else if (line.size() >= 2) {
            const auto type = static_cast<std::uint16_t>(1000 + (static_cast<unsigned char>(line[0]) << 3) +
                                                         static_cast<unsigned char>(line[1]));
            assembler.record(type, line.substr(2), now_ns);
        }
        if (interrupted && ++count % 64 == 3) {  // seldom: what is saved is large beside a line
            std::string saved;
            base::Encoder out(saved);
            assembler.save(out);
            audit::Assembler other(take, limits);
            base::Decoder in(saved);
            other.restore(in);
            CHECK(in.ok());
            assembler = std::move(other);
        }
    }
    assembler.finish();
    seen.counters = assembler.counters();
    return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto whole = assemble(text, true, false);
    const auto interrupted = assemble(text, true, true);
    CHECK(whole.observations == interrupted.observations);
    CHECK(whole.counters.events == interrupted.counters.events);
    assemble(text, false, false);
    return 0;
}
