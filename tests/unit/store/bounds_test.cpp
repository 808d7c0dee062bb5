// Goal: a bounded history stays within its bound for ever: the oldest dead go first, nobody alive and nobody's ancestor
// goes, and what is kept is whole. Method: a year of a server, made up and put in batches with a clock of its own;
// every day the files are measured, at the end every row is looked at.
#include <sqlite3.h>

#include <algorithm>
#include <map>
#include <set>

#include "made_up_server.hpp"
#include "sweep.hpp"

using namespace lineage;
using namespace lineage::store;
using namespace lineage::store::test;
namespace fs = std::filesystem;

namespace {

std::int64_t integer_of(const std::string& path, const std::string& sql) {
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK);
    sqlite3_stmt* statement = nullptr;
    REQUIRE(sqlite3_prepare_v2(db, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK);
    REQUIRE(sqlite3_step(statement) == SQLITE_ROW);
    const auto value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return value;
}

std::int64_t bytes_of(const std::string& path) {
    std::int64_t bytes = 0;
    for (const char* part : {"", "-wal"}) bytes += static_cast<std::int64_t>(fs::file_size(path + part));
    return bytes;
}

bool is_stub(const model::Node& node) {
    return node.images.empty() || node.images[0].argv.empty();
}

/// What holds of every kept history, whatever its bounds.
void check_kept(const Server& server, Reader& reader) {
    std::map<model::Id, model::Node> kept;
    must(reader.select({}, [&](model::Node&& node) {
        kept.emplace(node.process.id, std::move(node));
        return true;
    }));
    model::TimeNs newest_gone_ns = 0;
    model::TimeNs oldest_whole_ns = server.now_ns;
    for (const auto& [id, process] : server.all) {
        const auto found = kept.find(id);
        const bool gone = found == kept.end() || is_stub(found->second);
        if (!process.ended) {
            REQUIRE_FALSE(gone);
        } else if (gone) {
            newest_gone_ns = std::max(newest_gone_ns, process.ended->time_ns);
        } else {
            oldest_whole_ns = std::min(oldest_whole_ns, process.ended->time_ns);
        }
    }
    // A block of ids goes at once.
    CHECK(newest_gone_ns > 0);
    CHECK(newest_gone_ns < oldest_whole_ns + day_ns);
    std::set<model::Id> parents;
    for (const auto& [id, node] : kept) parents.insert(node.process.parent);
    for (const auto& [id, node] : kept) {
        const auto& truth = server.all.at(id);
        REQUIRE(node.process.pid == truth.pid);
        REQUIRE(node.process.parent == truth.parent);
        REQUIRE(node.process.born == truth.born);
        REQUIRE(node.process.comm == truth.comm);
        REQUIRE(node.current.exe.starts_with("/usr/bin/program-"));
        if (is_stub(node))
            REQUIRE(parents.count(id) == 1);  // it is there for somebody
        else
            REQUIRE(node.images[0].argv[1] == "--unique=" + std::to_string(id));
        REQUIRE((node.process.parent == 0 || kept.count(node.process.parent) == 1));
    }
    const auto path = must(reader.ancestors(kept.rbegin()->first));
    REQUIRE_FALSE(path.empty());
    CHECK(path.back().process.pid == 0);
}

}  // namespace

TEST_CASE("a year of a busy server stays within max_size, and what is kept is whole") {
    TemporaryDirectory directory;
    const auto path = directory.file();
    constexpr std::int64_t bytes_max = 12LL << 20;
    {
        const auto writer = must(open_writer(path));
        Server server(*writer, {.bytes_max = bytes_max});
        std::int64_t largest = 0;
        for (int day = 0; day < 365; ++day) {
            if (day % 30 == 29) server.boot();
            server.day(400);
            largest = std::max(largest, bytes_of(path));
        }
        CHECK(largest <= bytes_max);
        CHECK(largest > bytes_max / 2);
        MESSAGE("the longest step took " << server.longest_step_ns / 1000 << " us");
        CHECK(server.longest_step_ns < second_ns / 5);
        const auto reader = must(open_reader(path));
        check_kept(server, *reader);
        CHECK(must(reader->sizes()).processes > 10'000);
        CHECK(must(reader->boots()).size() < 13);
    }
    // What hangs on processes and boots went with them.
    CHECK(integer_of(path, "SELECT count(*) FROM sender") > 100);
    CHECK(integer_of(path, "SELECT count(*) FROM sender WHERE process NOT IN (SELECT id FROM process)") == 0);
    for (const std::string table : {"gap", "tamper"}) {
        CAPTURE(table);
        CHECK(integer_of(path, "SELECT count(*) FROM " + table) > 10);
        CHECK(integer_of(path, "SELECT count(*) FROM " + table + " WHERE boot NOT IN (SELECT id FROM boot)") == 0);
    }
    CHECK(integer_of(path, "SELECT count(*) FROM gap WHERE to_ns < (SELECT time_ns FROM horizon)") == 0);
    // Nearly all texts are somebody's: what is nobody's waits for the next sweep.
    const auto unused = [&](const char* table, const char* users) {
        return integer_of(path, std::string("SELECT count(*) FROM ") + table + " WHERE id NOT IN (" + users + ")");
    };
    const auto argvs = integer_of(path, "SELECT count(*) FROM argv");
    CHECK(argvs > 10'000);
    CHECK(unused("argv", "SELECT argv FROM image WHERE argv IS NOT NULL") < argvs / 2);
    const auto names =
        "SELECT exe FROM image WHERE exe IS NOT NULL UNION SELECT comm FROM process WHERE comm IS NOT NULL";
    CHECK(unused("name", names) < 2000);
    CHECK(integer_of(path, "SELECT count(*) FROM block") < 200);
}

TEST_CASE("max_age: the dead are forgotten after it, and nobody before") {
    TemporaryDirectory directory;
    const auto path = directory.file();
    const auto writer = must(open_writer(path));
    Server server(*writer, {.age_ns_max = 10 * day_ns});
    in_transaction(*writer, [&] {
        writer->put(model::Gap{5001, 1, start_ns, start_ns + second_ns, 7, model::Witness::audit, "old"});
        writer->put(
            model::Gap{5002, 1, start_ns + 29 * day_ns, start_ns + 29 * day_ns, 7, model::Witness::audit, "new"});
    });
    for (int day = 0; day < 30; ++day) server.day(1024);
    const auto reader = must(open_reader(path));
    check_kept(server, *reader);
    std::set<model::Id> whole;
    must(reader->select({}, [&](model::Node&& node) {
        if (!is_stub(node)) whole.insert(node.process.id);
        return true;
    }));
    for (const auto& [id, process] : server.all) {
        if (!process.ended) continue;
        const auto age_ns = server.now_ns - process.ended->time_ns;
        if (age_ns < 10 * day_ns) REQUIRE(whole.count(id) == 1);
        if (age_ns > 12 * day_ns) REQUIRE(whole.count(id) == 0);
    }
    std::set<std::string> gaps;
    for (const auto& gap : must(reader->gaps(0))) gaps.insert(gap.why);
    CHECK(gaps == std::set<std::string>{"lost", "new"});
}

TEST_CASE("a bound that is lowered shrinks the file, in steps") {
    TemporaryDirectory directory;
    const auto path = directory.file();
    {
        const auto writer = must(open_writer(path));
        Server server(*writer, {});
        for (int day = 0; day < 80; ++day) server.day(1000);
        REQUIRE(fs::file_size(path) > (9U << 20));
        // By age alone: what is free is kept for what comes.
        while (must(writer->keep_within({.age_ns_max = 20 * day_ns}, server.now_ns))) {
        }
        REQUIRE(fs::file_size(path) > (9U << 20));
        int steps = 0;
        auto pages = integer_of(path, "PRAGMA page_count");
        std::int64_t largest_cut = 0;
        const auto keep_within = [&] {
            const bool more = must(writer->keep_within({.bytes_max = 6LL << 20}, server.now_ns));
            const auto left = integer_of(path, "PRAGMA page_count");
            largest_cut = std::max(largest_cut, std::exchange(pages, left) - left);
            return more;
        };
        while (steps < 10'000 && keep_within()) ++steps;
        for (int more = 0; more < 20; ++more) keep_within();
        CHECK(largest_cut > 100);  // there was more to cut at once
        CHECK(largest_cut < 600);
    }
    CHECK(bytes_of(path) <= (6LL << 20));
}

TEST_CASE("what nobody refers to any more is swept in steps") {
    TemporaryDirectory directory;
    const auto path = directory.file();
    must(open_writer(path));
    Database database(path, "file:" + path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI);
    database.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<20000)"
        " INSERT INTO name SELECT i, 'name ' || i FROM n");
    Sweep sweep(database);
    sweep.begin();
    std::int64_t largest = 0;
    for (auto left = integer_of(path, "SELECT count(*) FROM name"); sweep.running();) {
        sweep.step();
        const auto now = integer_of(path, "SELECT count(*) FROM name");
        largest = std::max(largest, std::exchange(left, now) - now);
    }
    REQUIRE(database.take_failure());
    CHECK(integer_of(path, "SELECT count(*) FROM name") == 1);
    CHECK(largest > 0);
    CHECK(largest <= 4000);
}

TEST_CASE("tampering outlives who did it, for as long as its boot is kept") {
    TemporaryDirectory directory;
    const auto writer = must(open_writer(directory.file()));
    Server server(*writer, {.age_ns_max = 10 * day_ns});
    for (int day = 0; day < 30; ++day) server.day(1024);
    const auto reader = must(open_reader(directory.file()));
    const auto told = must(reader->tampering(0));
    REQUIRE(told.size() > 100);
    int forgotten = 0;
    for (const auto& tamper : told) {
        CHECK(tamper.pid == server.all.at(tamper.by).pid);
        CHECK(tamper.auid == 1000);
        forgotten += !must(reader->by_id(tamper.by));
    }
    CHECK(forgotten > 50);
}

TEST_CASE("gaps and tampering without end, with nobody to forget, are the newest in the end") {
    TemporaryDirectory directory;
    const auto writer = must(open_writer(directory.file()));
    const Server server(*writer, {});
    const Bounds bounds = {.bytes_max = 16LL << 20};
    for (model::Id id = 0; id < 60'000;) {
        in_transaction(*writer, [&] {
            for (int k = 0; k < 1000; ++k) {
                const auto at_ns = start_ns + ++id;
                writer->put(model::Gap{id, 1, at_ns, at_ns, 7, model::Witness::audit, "why"});
                writer->put(model::Tamper{id, 1, at_ns, "what", 0, false, 0, 1000, at_ns, at_ns, 1});
            }
        });
        while (must(writer->keep_within(bounds, server.now_ns))) {
        }
    }
    const auto reader = must(open_reader(directory.file()));
    const auto gaps = must(reader->gaps(0));
    const auto tampering = must(reader->tampering(0));
    CHECK(gaps.size() < 30'000);
    CHECK(tampering.size() < 30'000);
    REQUIRE_FALSE(gaps.empty());
    CHECK(gaps.back().id == 60'000);
    CHECK(tampering.back().id == 60'000);
}

TEST_CASE(
    "a reader that looks on for days does not stop it, and when it has gone the files are within the bound again") {
    TemporaryDirectory directory;
    const auto path = directory.file();
    constexpr std::int64_t bytes_max = 6LL << 20;
    const auto writer = must(open_writer(path));
    Server server(*writer, {.bytes_max = bytes_max});
    for (int day = 0; day < 40; ++day) server.day(1000);
    sqlite3* looking = nullptr;
    REQUIRE(sqlite3_open_v2(path.c_str(), &looking, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK);
    REQUIRE(sqlite3_exec(looking, "BEGIN; SELECT count(*) FROM boot", nullptr, nullptr, nullptr) == SQLITE_OK);
    for (int day = 0; day < 5; ++day) server.day(1000);
    const auto largest_id = integer_of(path, "SELECT max(id) FROM process");
    CHECK(largest_id == server.all.rbegin()->first);
    CHECK(bytes_of(path) > bytes_max);
    REQUIRE(sqlite3_close(looking) == SQLITE_OK);
    for (int day = 0; day < 5; ++day) server.day(1000);
    CHECK(bytes_of(path) <= bytes_max);
}

TEST_CASE("without bounds nothing is forgotten, and the last minute never is") {
    TemporaryDirectory directory;
    const auto writer = must(open_writer(directory.file()));
    Server server(*writer, {.bytes_max = 1 << 20, .age_ns_max = 1});
    server.day(1);
    in_transaction(*writer, [&] {
        for (model::Id id = 100'000; id < 110'000; ++id) {
            auto short_lived = process(id, 1);
            short_lived.born.time_ns = server.now_ns;
            short_lived.ended = model::End{server.now_ns, 0, 0, {}, false, 3, 0};
            writer->put(short_lived);
        }
    });
    const auto count = [&] { return must(must(open_reader(directory.file()))->sizes()).processes; };
    const auto before = count();
    for (int i = 0; i < 100; ++i) must(writer->keep_within({}, server.now_ns + day_ns));
    for (int i = 0; i < 100; ++i) must(writer->keep_within({.bytes_max = 1 << 20, .age_ns_max = 1}, server.now_ns));
    CHECK(count() == before);
    while (must(writer->keep_within({.age_ns_max = 1}, server.now_ns + hour_ns))) {
    }
    CHECK(count() < 1000);
}
