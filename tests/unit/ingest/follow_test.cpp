// Goal: frames that the journal lost become gaps of both witnesses, wherever the follower meets the hole.
// Method: a real journal that is damaged on purpose, a store in memory, and a follower that reads to the end.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

#include "../../sim/memory_store.hpp"
#include "lineage/base/codec.hpp"
#include "lineage/ingest/pipeline.hpp"
#include "lineage/journal/journal.hpp"

using namespace lineage;

namespace {

struct Folder {
    Folder() { REQUIRE(::mkdtemp(path.data()) != nullptr); }
    ~Folder() { std::filesystem::remove_all(path); }
    std::string path = "/tmp/lineage-follow-XXXXXX";
};

constexpr journal::Limits small_segments{.segment_bytes = 1024};
constexpr int frames = 100;

model::Frame frame_of(model::Control type, std::int64_t received_ns, std::string_view payload = {}) {
    return {.source = model::Source::control,
            .type = static_cast<std::uint16_t>(type),
            .received_ns = received_ns,
            .payload = payload};
}

/// A boot and `frames` times nothing, received at 1000, 1001, ...; returns where the frames end.
std::vector<journal::Position> write_journal(const std::string& directory) {
    auto writer = journal::Writer::open(directory, small_segments);
    REQUIRE(writer);
    std::string boot;
    base::Encoder out(boot);
    out.put_bytes("a-boot");
    out.put_bytes("a-host");
    out.put(std::int64_t{0});
    out.put(std::int64_t{1});
    std::vector<journal::Position> ends;
    for (int i = 0; i < frames; ++i) {
        const auto frame =
            i == 0 ? frame_of(model::Control::boot, 1000, boot) : frame_of(model::Control::idle, 1000 + i);
        REQUIRE(writer->append(frame));
        ends.push_back(writer->end());
    }
    return ends;
}

std::vector<std::filesystem::path> segments_of(const std::string& directory) {
    std::vector<std::filesystem::path> segments;
    for (const auto& entry : std::filesystem::directory_iterator(directory))
        if (entry.path().extension() == ".seg") segments.push_back(entry.path());
    std::sort(segments.begin(), segments.end());
    return segments;
}

void follow(const std::string& directory, sim::MemoryStore& store) {
    ingest::FollowOptions options;
    options.journal = directory;
    constexpr int stop_at_the_end = 1;
    const volatile int stop = stop_at_the_end;
    REQUIRE(ingest::follow(options, store, stop));
}

void check_gaps(const sim::MemoryStore& store) {
    REQUIRE(store.gaps.size() == 2);
    CHECK(store.gaps[0].witness == model::Witness::audit);
    CHECK(store.gaps[1].witness == model::Witness::connector);
    for (const auto& gap : store.gaps) {
        CHECK(gap.why == "the journal lacks what was not yet consumed");
        CHECK(gap.from_ns < gap.to_ns);
        CHECK(gap.to_ns > 1000);
        CHECK(gap.to_ns < 1000 + frames);
    }
}

}  // namespace

TEST_CASE("a whole journal leaves no gap") {
    const Folder folder;
    const auto ends = write_journal(folder.path);
    sim::MemoryStore store;
    follow(folder.path, store);
    CHECK(store.gaps.empty());
    CHECK(store.saved.position == ends.back());
}

TEST_CASE("frames lost while following are a gap") {
    const Folder folder;
    write_journal(folder.path);
    std::filesystem::remove(segments_of(folder.path)[1]);
    sim::MemoryStore store;
    follow(folder.path, store);
    check_gaps(store);
}

TEST_CASE("frames lost where the follower left off are a gap, and the first one behind them is taken") {
    const Folder folder;
    const auto ends = write_journal(folder.path);
    sim::MemoryStore store;
    store.saved.checkpoint_position = ends[0];
    store.saved.position = ends[1];
    const auto segments = segments_of(folder.path);
    std::filesystem::remove(segments[0]);
    follow(folder.path, store);
    REQUIRE(store.gaps.size() == 2);
    CHECK(store.gaps[0].to_ns > 1000);
    CHECK(store.saved.position == ends.back());
}

TEST_CASE("it says that it goes round: with frames to read, with frames to read again, and with none") {
    const Folder folder;
    const auto ends = write_journal(folder.path);
    ingest::FollowOptions options;
    options.journal = folder.path;
    options.commit_ms = 1;
    int rounds = 0;
    volatile int stop = 1;
    options.alive = [&] { ++rounds; };
    sim::MemoryStore store;
    REQUIRE(ingest::follow(options, store, stop));
    CHECK(rounds > 0);
    sim::MemoryStore behind;
    behind.saved.checkpoint_position = ends[0];
    behind.saved.position = ends.back();
    rounds = 0;
    REQUIRE(ingest::follow(options, behind, stop));
    CHECK(rounds > 0);
    rounds = 0;
    stop = 0;
    options.alive = [&] { stop = ++rounds == 5 ? 1 : 0; };
    REQUIRE(ingest::follow(options, store, stop));
    CHECK(rounds == 5);
}

TEST_CASE("the history is kept within its bounds, with every commit and while nothing comes") {
    const Folder folder;
    write_journal(folder.path);
    ingest::FollowOptions options;
    options.journal = folder.path;
    options.commit_ms = 1;
    options.bounds = {.bytes_max = 1, .age_ns_max = 2, .records_bytes_max = 3, .records_age_ns_max = 4};
    volatile int stop = 0;
    int rounds = 0;
    options.alive = [&] { stop = ++rounds == 20 ? 1 : 0; };
    sim::MemoryStore store;
    REQUIRE(ingest::follow(options, store, stop));
    REQUIRE(store.kept_within.size() > 1);
    for (const auto& bounds : store.kept_within) {
        CHECK(bounds.bytes_max == 1);
        CHECK(bounds.age_ns_max == 2);
        CHECK(bounds.records_bytes_max == 3);
        CHECK(bounds.records_age_ns_max == 4);
    }
    CHECK(store.kept_at_ns >= 1000);
}
