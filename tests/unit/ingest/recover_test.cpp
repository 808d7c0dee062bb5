// Goal: of a damaged history everything comes back that the journal or a readable page still has, each process once,
// and every chain ends at pid 0. Method: a history of two boots, recorded as lineaged does; its journal loses its
// beginning, its database pages; what comes out is held against what went in.
#include "lineage/ingest/recover.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "lineage/base/codec.hpp"
#include "lineage/base/unique_fd.hpp"
#include "lineage/ingest/pipeline.hpp"
#include "lineage/journal/journal.hpp"
#include "lineage/procfs/entry.hpp"

using namespace lineage;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t second_ns = 1'000'000'000;
constexpr int processes_a_boot = 3000;
constexpr std::size_t page_bytes = 8192;
constexpr int events_every = 10;              ///< processes
constexpr std::uint16_t user_message = 1005;  // AUDIT_USER

/// /proc shows 0 only for pids 1 and 2 and for who is being reaped.
model::Pid parent_of(model::Pid pid) {
    return pid <= 2 ? 0 : std::max(1, pid / 2);
}

struct History {
    std::string path = "/tmp/lineage-recover-XXXXXX";
    model::Tamper tamper;
    History() {
        REQUIRE(::mkdtemp(path.data()) != nullptr);
        auto writer = journal::Writer::open(journal(), {64U << 10, 1U << 30});
        REQUIRE(writer);
        for (int boot = 0; boot < 2; ++boot) record(*writer, boot);
        auto store = store::open_writer(database());
        REQUIRE(store);
        ingest::FollowOptions options;
        options.journal = journal();
        const volatile int stop = 1;
        REQUIRE(ingest::follow(options, **store, stop));
        const auto culprit = (*store::open_reader(database()))->by_pid(7, model::time_ns_max, 1);
        REQUIRE(culprit);
        tamper = {1,
                  1,
                  started_ns(0) + second_ns,
                  "all rules removed",
                  (**culprit).process.id,
                  false,
                  7,
                  1000,
                  started_ns(0) + second_ns,
                  started_ns(0) + 2 * second_ns,
                  3};
        REQUIRE((*store)->begin());
        (*store)->put(tamper);
        REQUIRE((*store)->commit());
    }
    ~History() { fs::remove_all(path); }

    [[nodiscard]] std::string journal() const { return path + "/lineage.journal"; }
    [[nodiscard]] std::string database() const { return path + "/lineage.db"; }

    static std::int64_t started_ns(int boot) { return (boot + 1) * 100'000 * second_ns; }

    static void record(journal::Writer& writer, int boot) {
        std::string payload;
        base::Encoder out(payload);
        out.put_bytes("boot-" + std::to_string(boot));
        out.put_bytes("host");
        out.put(started_ns(boot));
        out.put(started_ns(boot));
        const auto type = static_cast<std::uint16_t>(model::Control::boot);
        REQUIRE(writer.append({model::Source::control, type, started_ns(boot), payload}));
        for (model::Pid pid = 1; pid <= processes_a_boot; ++pid) {
            model::Seen seen;
            seen.pid = pid;
            seen.ppid = parent_of(pid);
            seen.started_ns = started_ns(boot) + pid * 10'000'000LL;
            seen.read_ns = seen.started_ns + 5'000'000;
            seen.comm = "comm" + std::to_string(pid);
            seen.exe = "/bin/" + std::to_string(pid % 100);
            seen.argv = {seen.exe, "--boot=" + std::to_string(boot), "--pid=" + std::to_string(pid)};
            seen.ns_pids = {pid};
            seen.tids = {pid};
            const auto entry = procfs::encode(seen);
            REQUIRE(writer.append({model::Source::procfs, 0, seen.read_ns, entry}));
            if (pid % events_every != 0) continue;
            const auto text = event_of(boot, pid);
            REQUIRE(writer.append({model::Source::audit, user_message, seen.read_ns, text}));
        }
        const auto stop = static_cast<std::uint16_t>(model::Control::stop);
        REQUIRE(writer.append({model::Source::control, stop, started_ns(boot) + 50'000 * second_ns, {}}));
    }

    /// One that is kept: it says which process of which boot it is about.
    static std::string event_of(int boot, model::Pid pid) {
        return "audit(" + std::to_string(started_ns(boot) / second_ns + pid / 100 + 1) + ".000:" + std::to_string(pid) +
               "): pid=" + std::to_string(pid) + " uid=0 msg='boot " + std::to_string(boot) + "'";
    }

    void forget_journal(double share) const {
        std::vector<fs::path> segments;
        for (const auto& entry : fs::directory_iterator(journal()))
            if (entry.path().extension() == ".seg") segments.push_back(entry.path());
        std::sort(segments.begin(), segments.end());
        const auto count = static_cast<std::size_t>(share * static_cast<double>(segments.size()));
        for (std::size_t i = 0; i < count; ++i) fs::remove(segments[i]);
    }

    /// Every `every`-th page but the first is garbage. Nothing is left in the log: the follower has ended.
    [[nodiscard]] int damage(std::size_t every) const {
        const base::UniqueFd file(::open(database().c_str(), O_WRONLY | O_CLOEXEC));
        const std::string garbage(page_bytes, '\xa5');
        int damaged = 0;
        for (std::size_t page = 3; page < fs::file_size(database()) / page_bytes; page += every, ++damaged)
            REQUIRE(::pwrite(file.get(), garbage.data(), page_bytes, static_cast<off_t>(page * page_bytes)) > 0);
        return damaged;
    }
};

struct Recovered {
    ingest::RecoverReport report;
    int of_boot[2] = {0, 0};  ///< processes but pid 0
    int whole = 0;            ///< with their argv
    int orphans = 0;          ///< marked as such
    int named_only = 0;       ///< its own row is damaged, but the journal has a child of it
    int events = 0;           ///< kept ones, on the process that they are about
    int stray_events = 0;     ///< on pid 0: the row of whom they are about is lost
};

std::string read_file(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// What a recovery must leave as it is.
std::map<std::string, std::string> files_beside(const std::string& database) {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::directory_iterator(fs::path(database).parent_path()))
        if (entry.path().string().starts_with(database)) files[entry.path().string()] = read_file(entry.path());
    return files;
}

Recovered recover(const History& history, bool use_journal, bool use_database) {
    const auto to = history.path + "/new.db";
    const auto before = files_beside(history.database());
    for (const char* part : {"", "-wal", "-shm", ".lock"}) fs::remove(to + part);
    Recovered result;
    {
        const auto writer = store::open_writer(to);
        REQUIRE(writer);
        const auto report =
            ingest::recover(use_journal ? history.journal() : "", use_database ? history.database() : "", **writer,
                            [&] { return store::open_reader(to); });
        if (!report) FAIL(report.error().message());
        result.report = *report;
    }
    REQUIRE(files_beside(history.database()) == before);
    REQUIRE(store::check(to));
    const auto reader = store::open_reader(to);
    REQUIRE(reader);
    std::set<std::pair<std::string, model::Pid>> seen;
    std::map<model::Id, model::Node> nodes;
    REQUIRE((*reader)->select({}, [&](model::Node&& node) {
        REQUIRE(seen.insert({node.boot, node.process.pid}).second);
        nodes.emplace(node.process.id, std::move(node));
        return true;
    }));
    std::set<std::string> texts;
    for (const auto& [id, node] : nodes) {
        const auto events = (*reader)->records(id, model::time_ns_max);
        REQUIRE(events);
        for (const auto& event : *events) {
            CHECK(event.types == "USER");
            REQUIRE(texts.insert(event.text).second);
            const auto about = " pid=" + std::to_string(node.process.pid) + " uid=0 msg='" +
                               (node.boot == "boot-0" ? "boot 0" : "boot 1") + "'\n";
            ++(event.text.find(about) != std::string::npos ? result.events : result.stray_events);
        }
        if (node.process.pid == 0) continue;
        const int boot = node.boot == "boot-0" ? 0 : 1;
        REQUIRE(node.boot == "boot-" + std::to_string(boot));
        ++result.of_boot[boot];
        if (node.process.inferred == model::Inferred::named_only) {
            ++result.named_only;
            continue;
        }
        REQUIRE(node.process.born.time_ns == History::started_ns(boot) + node.process.pid * 10'000'000LL);
        result.whole += !node.images.empty() && node.images[0].argv.size() == 3 &&
                        node.images[0].argv[2] == "--pid=" + std::to_string(node.process.pid);
        REQUIRE(nodes.count(node.process.parent) == 1);
        const auto& parent = nodes.at(node.process.parent);
        REQUIRE(parent.boot == node.boot);
        if (parent.process.pid != parent_of(node.process.pid)) {
            REQUIRE(parent.process.pid == 0);
            REQUIRE(node.process.inferred == model::Inferred::parent_unknown);
            ++result.orphans;
        }
        const auto path = (*reader)->ancestors(id);
        REQUIRE(path);
        REQUIRE(path->back().process.pid == 0);
    }
    return result;
}

}  // namespace

TEST_CASE("from a whole journal alone: everything") {
    const History history;
    const auto recovered = recover(history, true, false);
    CHECK(recovered.of_boot[0] == processes_a_boot);
    CHECK(recovered.of_boot[1] == processes_a_boot);
    CHECK(recovered.whole == 2 * processes_a_boot);
    CHECK(recovered.events == 2 * processes_a_boot / events_every);
    CHECK(recovered.stray_events == 0);
}

TEST_CASE("from a damaged database alone: what its readable pages hold") {
    const History history;
    REQUIRE(history.damage(10) > 5);
    const auto recovered = recover(history, false, true);
    const int found = recovered.of_boot[0] + recovered.of_boot[1];
    CHECK(recovered.report.holes > 0);
    CHECK(found > processes_a_boot);
    CHECK(found < 2 * processes_a_boot);
    CHECK(recovered.report.from_database >= static_cast<std::uint64_t>(found));
    CHECK(recovered.orphans > 0);
    CHECK(recovered.events > processes_a_boot / events_every);
}

TEST_CASE("from a database that was cut short, also within a page: as if the rest of it were there and unreadable") {
    const History history;
    const auto bytes = fs::file_size(history.database());
    const auto all = recover(history, false, true);
    REQUIRE(all.of_boot[0] + all.of_boot[1] == 2 * processes_a_boot);
    int last = 2 * processes_a_boot;
    for (const auto left : {bytes - page_bytes, bytes - 10 * page_bytes - 100, bytes / 2, 2 * page_bytes + 1}) {
        CAPTURE(left);
        fs::resize_file(history.database(), left);
        const auto cut = recover(history, false, true);
        fs::resize_file(history.database(), bytes);
        const auto padded = recover(history, false, true);
        const int found = cut.of_boot[0] + cut.of_boot[1];
        CHECK(found == padded.of_boot[0] + padded.of_boot[1]);
        CHECK(cut.whole == padded.whole);
        CHECK(cut.events == padded.events);
        CHECK(found <= last);
        last = found;
        if (left >= bytes / 2) CHECK(found > processes_a_boot / 2);
    }
    CHECK(last == 0);
}

TEST_CASE(
    "from a database whose pages are of different times, so that rows come again and again: it ends, nobody twice") {
    const History history;
    const auto whole = read_file(history.database());
    const auto pages = whole.size() / page_bytes;
    int found = 0;
    for (std::size_t page = 40; page < 50; ++page) {
        CAPTURE(page);
        auto bytes = whole;
        for (std::size_t other = page + 1; other < pages; ++other)
            bytes.replace(other * page_bytes, page_bytes, whole, page * page_bytes, page_bytes);
        std::ofstream(history.database(), std::ios::binary) << bytes;
        const auto recovered = recover(history, false, true);
        CHECK(recovered.report.holes > 0);
        found += recovered.of_boot[0] + recovered.of_boot[1];
    }
    CHECK(found > 0);
}

TEST_CASE("from a database whose pages' map is overwritten: everything") {
    const History history;
    const base::UniqueFd file(::open(history.database().c_str(), O_WRONLY | O_CLOEXEC));
    REQUIRE(::pwrite(file.get(), std::string(page_bytes, '\xa5').data(), page_bytes, page_bytes) > 0);
    const auto recovered = recover(history, false, true);
    CHECK(recovered.whole == 2 * processes_a_boot);
    CHECK(recovered.report.holes == 0);
}

TEST_CASE("what only the log beside a damaged database holds comes back, and stays there") {
    History history;
    {
        const auto writer = store::open_writer(history.database());
        REQUIRE(writer);
        REQUIRE((*writer)->begin());
        (*writer)->put(model::Gap{9, 1, 1, 2, std::nullopt, model::Witness::audit, "told by the log alone"});
        REQUIRE((*writer)->commit());
        fs::copy(history.database() + "-wal", history.path + "/kept");
    }
    REQUIRE(history.damage(10) > 5);
    fs::copy(history.path + "/kept", history.database() + "-wal", fs::copy_options::overwrite_existing);
    recover(history, false, true);
    const auto told = (*store::open_reader(history.path + "/new.db"))->gaps();
    REQUIRE(told);
    CHECK(std::any_of(told->begin(), told->end(),
                      [](const model::Gap& gap) { return gap.why == "told by the log alone"; }));
}

TEST_CASE("a database that is being written is refused") {
    const History history;
    const auto writer = store::open_writer(history.database());
    REQUIRE(writer);
    const auto to = store::open_writer(history.path + "/new.db");
    REQUIRE(to);
    const auto report = ingest::recover("", history.database(), **to, [&] { return store::open_reader(""); });
    REQUIRE_FALSE(report);
    CHECK(report.error().message().find("another lineage is writing to it") != std::string::npos);
}

TEST_CASE("a database that was cut within its first page is refused") {
    const History history;
    for (const auto left : {page_bytes / 2, std::size_t{50}, std::size_t{0}}) {
        CAPTURE(left);
        fs::resize_file(history.database(), left);
        fs::remove(history.path + "/new.db");
        const auto writer = store::open_writer(history.path + "/new.db");
        REQUIRE(writer);
        CHECK_FALSE(ingest::recover("", history.database(), **writer, [&] { return store::open_reader(""); }));
    }
}

TEST_CASE("both: the journal's part whole, of the time before it what the database can still tell, nobody twice") {
    for (const double gone : {0.3, 0.5, 0.75}) {
        CAPTURE(gone);
        const History history;
        history.forget_journal(gone);
        REQUIRE(history.damage(12) > 5);
        const auto recovered = recover(history, true, true);
        CHECK(recovered.report.from_journal > 500);
        CHECK(recovered.report.from_database > 500);
        CHECK(recovered.of_boot[0] > processes_a_boot / 2);
        CHECK(recovered.of_boot[1] > processes_a_boot / 2);
        CHECK(recovered.named_only < processes_a_boot / 10);
        if (gone <= 0.5) CHECK(recovered.of_boot[1] == processes_a_boot);
        CHECK(recovered.events > processes_a_boot / events_every);
    }
}

TEST_CASE("both, undamaged: nothing is lost and nothing is twice, and lineaged goes on where the journal ends") {
    const History history;
    history.forget_journal(0.5);
    const auto recovered = recover(history, true, true);
    CHECK(recovered.report.holes == 0);
    CHECK(recovered.of_boot[0] == processes_a_boot);
    CHECK(recovered.of_boot[1] == processes_a_boot);
    CHECK(recovered.whole == 2 * processes_a_boot);
    CHECK(recovered.orphans == 0);
    CHECK(recovered.named_only == 0);
    CHECK(recovered.events == 2 * processes_a_boot / events_every);
    CHECK(recovered.stray_events == 0);
    const auto to = history.path + "/new.db";
    const auto writer = store::open_writer(to);
    REQUIRE(writer);
    ingest::FollowOptions options;
    options.journal = history.journal();
    const volatile int stop = 1;
    REQUIRE(ingest::follow(options, **writer, stop));
    const auto sizes = (*store::open_reader(to))->sizes();
    REQUIRE(sizes);
    CHECK(sizes->processes == 2 * processes_a_boot + 2);
}

TEST_CASE("tampering that only the damaged database tells of comes back, with who did it") {
    const History history;
    history.forget_journal(0.75);
    recover(history, true, true);
    const auto reader = store::open_reader(history.path + "/new.db");
    REQUIRE(reader);
    const auto told = (*reader)->tampering();
    REQUIRE(told);
    REQUIRE(told->size() == 1);
    CHECK(told->front() == history.tamper);
    const auto culprit = (*reader)->by_id(told->front().by);
    REQUIRE(culprit);
    CHECK((**culprit).process.pid == 7);
}

TEST_CASE("a database without its first page is refused by name") {
    const History history;
    const base::UniqueFd file(::open(history.database().c_str(), O_WRONLY | O_CLOEXEC));
    REQUIRE(::pwrite(file.get(), std::string(page_bytes, '\xa5').data(), page_bytes, 0) > 0);
    const auto writer = store::open_writer(history.path + "/new.db");
    REQUIRE(writer);
    const auto report = ingest::recover("", history.database(), **writer, [&] { return store::open_reader(""); });
    REQUIRE_FALSE(report);
    CHECK(report.error().message() == "database " + history.database() + ": not a database");
}
