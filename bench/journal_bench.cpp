// What the journal costs a frame: append() and next() for the payload sizes that occur, publish() with nobody waiting.
// Averages are CPU time of the thread (what else the machine does is not ours), the worst batch is wall time. Prints;
// FORMAT.md quotes it. Usage: journal_bench [DIRECTORY]  (a new one is made in it and removed)
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <string>
#include <vector>

#include "lineage/journal/journal.hpp"

namespace {

namespace journal = lineage::journal;
using Clock = std::chrono::steady_clock;

double ns_since(Clock::time_point start) {
    return std::chrono::duration<double, std::nano>(Clock::now() - start).count();
}

double cpu_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

[[noreturn]] void give_up(const lineage::base::Error& error) {
    fmt::print(stderr, "journal_bench: {}\n", error.message());
    std::exit(1);
}

void measure(const std::string& directory, std::size_t payload_bytes) {
    constexpr std::size_t bytes_in_all = 512U << 20;
    const auto count = bytes_in_all / (payload_bytes + 32);
    const std::string payload(payload_bytes, 'x');
    lineage::model::Frame frame{lineage::model::Source::audit, 1300, 1, payload};
    auto writer = journal::Writer::open(directory);
    if (!writer) give_up(writer.error());

    double worst_ns = 0;
    auto start = cpu_ns();
    for (std::size_t done = 0; done < count;) {
        const auto batch_start = Clock::now();
        for (std::size_t i = 0; i < 64 && done < count; ++i, ++done) {
            if (const auto status = writer->append(frame); !status) give_up(status.error());
        }
        worst_ns = std::max(worst_ns, ns_since(batch_start));
    }
    const auto append_ns = (cpu_ns() - start) / static_cast<double>(count);

    auto reader = journal::Reader::open(directory);
    if (!reader) give_up(reader.error());
    std::size_t read = 0;
    start = cpu_ns();
    while (reader->next(frame).value_or(journal::Reader::Next::at_end) == journal::Reader::Next::frame) ++read;
    const auto next_ns = (cpu_ns() - start) / static_cast<double>(count);

    constexpr int publishes = 200'000;
    start = cpu_ns();
    for (int i = 0; i < publishes; ++i) writer->publish();
    const auto publish_ns = (cpu_ns() - start) / publishes;
    fmt::print(
        "{:>9} B  {:>9} frames  append {:>8.1f} ns  (worst 64: {:>7.0f} us)  next {:>8.1f} ns  publish {:>6.1f} ns{}\n",
        payload_bytes, count, append_ns, worst_ns / 1000, next_ns, publish_ns, read == count ? "" : "  FRAMES MISSING");
}

}  // namespace

int main(int argc, char** argv) {
    std::string directory = std::string(argc > 1 ? argv[1] : ".") + "/journal_bench.XXXXXX";
    if (::mkdtemp(directory.data()) == nullptr) {
        fmt::print(stderr, "journal_bench: cannot make {}\n", directory);
        return 1;
    }
    for (const std::size_t bytes : {0U, 76U, 250U, 1000U, 8970U, 200'000U}) {
        measure(directory, bytes);
        std::filesystem::remove_all(directory);
    }
    return 0;
}
