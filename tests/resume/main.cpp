// resume EVERY LOG...
// Goal: a tracker killed at any frame and started again changes nothing in the result.
// Method: the frames of a simulated machine (both witnesses and /proc), and those of a log recorded on a real one, are
// consumed to the end once; then again for every frame (or each EVERYth), with a kill right behind it: what was not
// committed is gone, a new pipeline restores the last checkpoint, replays to the committed position and goes on. The
// rows must be the same, ids included, and a committed row must never have said more than the frames told.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "../sim/memory_store.hpp"
#include "../sim/world.hpp"
#include "lineage/ingest/pipeline.hpp"

namespace {

namespace model = sim::model;
using lineage::ingest::Pipeline;
using sim::MemoryStore;
using Frames = std::vector<sim::OwnedFrame>;

Frames simulated(std::uint64_t seed) {
    sim::Options options;
    options.seed = seed;
    options.processes = 50;  // the time goes with the square of it, and with sanitizers tenfold
    sim::World world(options);
    while (world.advance()) {
    }
    return std::move(world.frames);
}

Frames recorded(const char* log) {
    Frames frames;
    std::ifstream in(log);
    for (std::string line; std::getline(in, line);) frames.push_back({model::Source::audit_line, 0, 0, line});
    return frames;
}

void take(Pipeline& pipeline, const sim::OwnedFrame& frame) {
    pipeline.frame({frame.source, frame.type, frame.received_ns, frame.payload});
}

/// Consumes the frames, killed once behind the frame `kill_at`.
MemoryStore consume(const Frames& frames, std::optional<std::size_t> kill_at) {
    constexpr std::size_t commit_every = 13;
    constexpr std::size_t checkpoint_every = 101;
    MemoryStore store;
    auto pipeline = std::make_unique<Pipeline>(store);
    (void)pipeline->restore(store.saved);
    (void)pipeline->commit_with_checkpoint(0);
    for (std::size_t i = 0; i < frames.size(); ++i) {
        take(*pipeline, frames[i]);
        if ((i + 1) % checkpoint_every == 0)
            (void)pipeline->commit_with_checkpoint(i + 1);
        else if ((i + 1) % commit_every == 0)
            (void)pipeline->commit(i + 1);
        if (i != kill_at) continue;
        kill_at.reset();
        pipeline = std::make_unique<Pipeline>(store);
        if (!pipeline->restore(store.saved)) return {};
        for (auto at = store.saved.checkpoint_position; at < store.saved.position; ++at) take(*pipeline, frames[at]);
        pipeline->discard_changes();
        i = store.saved.position - 1;  // wraps to the first frame where nothing was committed yet
    }
    pipeline->finish();
    (void)pipeline->commit(frames.size());
    return store;
}

bool same(const MemoryStore& a, const MemoryStore& b) {
    return a.processes == b.processes && a.images == b.images && a.attempts == b.attempts && a.records == b.records &&
           a.gaps == b.gaps && a.boots == b.boots;
}

int check(const char* name, const Frames& frames, std::size_t every) {
    const MemoryStore whole = consume(frames, std::nullopt);
    int wrong = 0;
    for (std::size_t at = 0; at < frames.size(); at += every) {
        if (same(consume(frames, at), whole)) continue;
        std::printf("%s: killed behind frame %zu of %zu the result differs\n", name, at, frames.size());
        if (++wrong == 5) break;
    }
    std::printf("%s: %zu frames, %zu processes\n", name, frames.size(), whole.processes.size());
    return wrong + (whole.processes.size() < 5 ? 1 : 0);
}

}  // namespace

int main(int argc, char** argv) {
    const std::size_t every = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 0;
    if (every == 0) return 2;
    int wrong = 0;
    for (std::uint64_t seed = 1; seed <= 2; ++seed) wrong += check("simulated", simulated(seed), every);
    for (int i = 2; i < argc; ++i) wrong += check(argv[i], recorded(argv[i]), every);
    return wrong == 0 ? 0 : 1;
}
