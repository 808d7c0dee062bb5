// Goal: a follower that was killed goes on where the store stands although the journal has lost what its checkpoint
// needs, or an import came between: nothing that the store has is overwritten or told twice, nothing stops it for good.
// Method: a real journal of small segments and a real database; a child that follows to the end and dies there without
// another checkpoint; segments that are removed; then a follower that reads to the end.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "lineage/base/codec.hpp"
#include "lineage/ingest/pipeline.hpp"
#include "lineage/journal/journal.hpp"
#include "lineage/procfs/entry.hpp"

using namespace lineage;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t ms_ns = 1'000'000;
constexpr std::int64_t second_ns = 1'000'000'000;
constexpr std::int64_t boot_ns = 1'000 * second_ns;
constexpr std::uint16_t user_message = 1005;  // AUDIT_USER
constexpr model::Pid half = 300;              // of the processes; each has an event that is kept

std::int64_t born_ns(model::Pid pid) {
    return boot_ns + second_ns + pid * 10 * ms_ns;
}

struct History {
    History() {
        REQUIRE(::mkdtemp(path.data()) != nullptr);
        append_boot();
        append(1, half);
    }
    ~History() { fs::remove_all(path); }
    std::string path = "/tmp/lineage-hole-XXXXXX";
    [[nodiscard]] std::string journal() const { return path + "/lineage.journal"; }
    [[nodiscard]] std::string database() const { return path + "/lineage.db"; }

    [[nodiscard]] journal::Writer writer() const {
        auto opened = journal::Writer::open(journal(), {.segment_bytes = 16U << 10});
        REQUIRE(opened);
        return std::move(*opened);
    }

    void append_boot() const {
        std::string payload;
        base::Encoder out(payload);
        out.put_bytes("a-boot");
        out.put_bytes("a-host");
        out.put(boot_ns);
        out.put(boot_ns);
        const auto type = static_cast<std::uint16_t>(model::Control::boot);
        REQUIRE(writer().append({model::Source::control, type, boot_ns, payload}));
    }

    void append(model::Pid from, model::Pid to) const {
        auto into = writer();
        for (model::Pid pid = from; pid <= to; ++pid) {
            model::Seen seen;
            seen.pid = pid;
            seen.ppid = pid == 1 ? 0 : 1;
            seen.started_ns = born_ns(pid);
            seen.read_ns = born_ns(pid) + ms_ns;
            seen.comm = "p";
            seen.exe = "/bin/p";
            seen.argv = {seen.exe, std::to_string(pid)};
            seen.ns_pids = {pid};
            seen.tids = {pid};
            const auto entry = procfs::encode(seen);
            REQUIRE(into.append({model::Source::procfs, 0, seen.read_ns, entry}));
            const auto stamp_ms = (born_ns(pid) + 2 * ms_ns) / ms_ns;
            const auto fraction = std::to_string(1000 + stamp_ms % 1000).substr(1);
            const auto text = "audit(" + std::to_string(stamp_ms / 1000) + "." + fraction + ":" + std::to_string(pid) +
                              "): pid=" + std::to_string(pid) + " uid=0 msg='of " + std::to_string(pid) + "'";
            REQUIRE(into.append({model::Source::audit, user_message, stamp_ms * ms_ns, text}));
        }
        const auto last_word = static_cast<std::uint16_t>(model::Control::audit_down);  // the last event is whole
        REQUIRE(into.append({model::Source::control, last_word, born_ns(to) + 3 * ms_ns, {}}));
    }

    [[nodiscard]] std::vector<fs::path> segments() const {
        std::vector<fs::path> all;
        for (const auto& entry : fs::directory_iterator(journal()))
            if (entry.path().extension() == ".seg") all.push_back(entry.path());
        std::sort(all.begin(), all.end());
        return all;
    }

    base::Status follow(const std::function<void(const base::Status&)>& tell) const {
        ingest::FollowOptions options;
        options.journal = journal();
        options.commit_changes = 20;
        options.tell = tell;
        auto into = store::open_writer(database());
        if (!into) return tl::unexpected(into.error());
        const auto history = store::open_reader(database());
        if (!history) return tl::unexpected(history.error());
        options.history = history->get();
        constexpr int stop_at_the_end = 1;
        const volatile int stop = stop_at_the_end;
        const volatile int go_on = 0;
        return ingest::follow(options, **into, tell ? go_on : stop);
    }

    /// Follows to the end, and dies there as by SIGKILL: all is committed, the checkpoint is that of the beginning.
    void follow_and_die() const {
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            (void)follow([](const base::Status& caught_up) {
                if (caught_up) ::_exit(0);
            });
            ::_exit(1);
        }
        int status = 0;
        ::waitpid(child, &status, 0);
        REQUIRE((WIFEXITED(status) && WEXITSTATUS(status) == 0));
    }

    void follow_to_the_end() const {
        const auto done = follow({});
        if (!done) FAIL(done.error().message());
    }
};

struct Told {
    std::set<model::Pid> pids;  ///< each once, each with its own argv and its own event
    std::vector<model::Gap> gaps;
    std::size_t imported = 0;

    explicit Told(const History& history) {
        const auto reader = store::open_reader(history.database());
        REQUIRE(reader);
        std::vector<model::Node> nodes;
        REQUIRE((*reader)->select({}, [&](model::Node&& node) {
            nodes.push_back(std::move(node));
            return true;
        }));
        for (const auto& node : nodes) {
            if (node.boot != "a-boot") {
                ++imported;
                continue;
            }
            const auto pid = node.process.pid;
            if (pid == 0) continue;
            CHECK_MESSAGE(pids.insert(pid).second, "twice: ", pid);
            CAPTURE(pid);
            REQUIRE(node.images.size() == 1);
            CHECK(node.images[0].argv == std::vector<std::string>{"/bin/p", std::to_string(pid)});
            const auto events = (*reader)->records(node.process.id, model::time_ns_max);
            REQUIRE(events);
            REQUIRE(events->size() == 1);
            CHECK(events->front().text.find("'of " + std::to_string(pid) + "'") != std::string::npos);
        }
        const auto all = (*reader)->gaps();
        REQUIRE(all);
        gaps = *all;
    }

    [[nodiscard]] bool all() const { return pids.size() == 2 * half && *pids.rbegin() == 2 * half; }
};

void check_gaps(const Told& told, const char* why) {
    REQUIRE(told.gaps.size() == 2);
    CHECK(told.gaps[0].witness == model::Witness::audit);
    CHECK(told.gaps[1].witness == model::Witness::connector);
    for (const auto& gap : told.gaps) {
        CHECK(gap.why == why);
        CHECK(gap.from_ns < gap.to_ns);
    }
}

}  // namespace

TEST_CASE("killed, and all that the checkpoint needs is there: it goes on without a gap") {
    const History history;
    history.follow_and_die();
    history.append(half + 1, 2 * half);
    history.follow_to_the_end();
    const Told told(history);
    CHECK(told.all());
    CHECK(told.gaps.empty());
}

TEST_CASE("killed, and the journal has lost some of what lies between the checkpoint and the last commit") {
    const History history;
    history.follow_and_die();
    const auto segments = history.segments();
    REQUIRE(segments.size() > 5);
    SUBCASE("the oldest") {
        fs::remove(segments[0]);
    }
    SUBCASE("one in the middle") {
        fs::remove(segments[2]);
    }
    SUBCASE("all up to the commit") {
        for (const auto& segment : segments) fs::remove(segment);
    }
    history.append(half + 1, 2 * half);
    history.follow_to_the_end();
    const Told told(history);
    CHECK(told.all());
    for (const auto& gap : told.gaps) {
        CHECK(gap.from_ns >= born_ns(half));
        CHECK(gap.to_ns <= born_ns(half + 1) + ms_ns);
    }
    CHECK(told.gaps.size() == 2);
}

TEST_CASE("killed, and the journal has lost frames on both sides of the last commit") {
    const History history;
    history.follow_and_die();
    const auto until = history.segments().size() + 3;
    history.append(half + 1, 2 * half);
    const auto segments = history.segments();
    REQUIRE(segments.size() > until);
    for (std::size_t i = 0; i < until; ++i) fs::remove(segments[i]);
    history.follow_to_the_end();
    const Told told(history);
    check_gaps(told, "the journal lacks what was not yet consumed");
    CHECK(told.pids.size() > half);
    for (model::Pid pid = 1; pid <= 2 * half; ++pid) {
        const bool is_in_gap = told.gaps[0].from_ns <= born_ns(pid) && born_ns(pid) <= told.gaps[0].to_ns;
        CHECK((told.pids.count(pid) == 1 || is_in_gap));
        if (pid <= half) CHECK(told.pids.count(pid) == 1);
    }
}

TEST_CASE("a hole that was met and told is not told again after a kill behind it") {
    const History history;
    history.append(half + 1, 2 * half);
    fs::remove(history.segments()[3]);
    history.follow_and_die();
    const auto before = Told(history).pids;
    history.follow_to_the_end();
    const Told told(history);
    check_gaps(told, "the journal lacks what was not yet consumed");
    CHECK(told.pids == before);
}

TEST_CASE("the gap over what only the state knew is told by the first frame, however often it was killed before") {
    const History history;
    history.follow_and_die();
    fs::remove(history.segments()[2]);
    history.follow_and_die();
    history.follow_to_the_end();
    CHECK(Told(history).gaps.empty());
    history.append(half + 1, 2 * half);
    history.follow_to_the_end();
    const Told told(history);
    CHECK(told.all());
    check_gaps(told, "the tracker's saved state could not be used");
}

TEST_CASE("frames lost behind the last commit are told by the first one there is, however often it was killed before") {
    const History history;
    SUBCASE("with a checkpoint at the last commit") {
        history.follow_to_the_end();
    }
    SUBCASE("with one that is older") {
        history.follow_and_die();
    }
    history.append(half + 1, half + half / 2);
    for (const auto& segment : history.segments()) fs::remove(segment);
    (void)history.writer();  // begins another journal, and writes nothing
    history.follow_and_die();
    history.append(half + half / 2 + 1, 2 * half);
    history.follow_to_the_end();
    const Told told(history);
    CHECK(told.pids.size() == half + half / 2);
    check_gaps(told, "the journal lacks what was not yet consumed");
    CHECK(told.gaps[0].from_ns < born_ns(half + 1));
    CHECK(told.gaps[0].to_ns > born_ns(half + half / 2));
}

TEST_CASE("what was imported meanwhile is not overwritten") {
    const History history;
    history.follow_and_die();
    const auto log = history.path + "/audit.log";
    std::ofstream(log) << "type=USER_LOGIN msg=audit(2000.000:1): pid=77 uid=0 auid=0 ses=1 msg='op=login'\n";
    {
        const auto into = store::open_writer(history.database());
        REQUIRE(into);
        const auto report = ingest::import({log}, **into);
        if (!report) FAIL(report.error().message());
    }
    const auto imported = Told(history).imported;
    CHECK(imported >= 2);
    history.append(half + 1, half + half / 2);
    history.follow_and_die();
    history.append(half + half / 2 + 1, 2 * half);
    history.follow_to_the_end();
    const Told told(history);
    CHECK(told.all());
    CHECK(told.imported == imported);
    CHECK(told.gaps.empty());
}
