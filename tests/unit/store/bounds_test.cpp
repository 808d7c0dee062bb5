// Goal: a bounded history stays within its bound for ever: the oldest dead go first, nobody alive and nobody's ancestor
// goes, and what is kept is whole. Method: a year of a server, made up and put in batches with a clock of its own;
// every day the files are measured, at the end every row is looked at.
#include <sqlite3.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "support.hpp"

using namespace lineage;
using namespace lineage::store;
using namespace lineage::store::test;
namespace fs = std::filesystem;

namespace {

constexpr model::TimeNs hour_ns = 3600 * second_ns;
constexpr model::TimeNs day_ns = 24 * hour_ns;

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

/// A server: pid 0, init, services that live on, sessions of hours with children, and above all short commands.
class Server {
public:
    Server(Writer& writer, Bounds bounds) : writer_(writer), bounds_(bounds) { boot(); }

    model::TimeNs now_ns = start_ns;
    std::map<model::Id, model::Process> all;

    void boot() {
        in_transaction(writer_, [&] {
            for (auto& [id, process] : all)
                if (!process.ended) end(process);
            alive_.clear();
            writer_.put(model::Boot{++boot_, "boot-" + std::to_string(boot_), "host", now_ns, false});
            const auto root = born(0);
            init_ = born(root);
            for (int i = 0; i < 20; ++i) services_[i] = born(init_);
        });
    }

    void day(int commands) {
        const auto step_ns = day_ns / commands;
        for (int i = 0; i < commands;) {
            in_transaction(writer_, [&] {
                for (int k = 0; k < 200 && i < commands; ++k, ++i, now_ns += step_ns) command(step_ns);
            });
            while (must(writer_.keep_within(bounds_, now_ns))) {
            }
        }
    }

    [[nodiscard]] bool is_alive(model::Id id) const { return !all.at(id).ended; }

private:
    void command(model::TimeNs step_ns) {
        const auto dice = random_() % 100;
        auto parent = services_[random_() % 20];
        if (!alive_.empty() && dice < 50) parent = alive_[random_() % alive_.size()];
        const auto id = born(parent);
        if (dice < 3) {  // a session, or another that stays for hours
            alive_.push_back(id);
            if (alive_.size() > 40) end_session(random_() % alive_.size());
            return;
        }
        auto& process = all.at(id);
        process.ended = model::End{now_ns + static_cast<model::TimeNs>(random_() % static_cast<unsigned>(step_ns)),
                                   process.born.serial + 2,
                                   0,
                                   {},
                                   false,
                                   3,
                                   0};
        writer_.put(process);
    }

    void end_session(std::size_t at) {
        end(all.at(alive_[at]));
        alive_.erase(alive_.begin() + static_cast<std::ptrdiff_t>(at));
    }

    void end(model::Process& process) {
        process.ended = model::End{now_ns, ++serial_, 0, {}, false, 3, 0};
        writer_.put(process);
    }

    model::Id born(model::Id parent) {
        auto process = test::process(++last_id_, parent);
        process.boot = boot_;
        process.pid = parent == 0 ? 0 : static_cast<model::Pid>(1 + last_id_ % 30'000);
        process.born = {now_ns, ++serial_, model::How::fork, 3};
        process.comm = "comm-" + std::to_string(random_() % 200);
        writer_.put(process);
        writer_.put(process.id, image(0, "/usr/bin/program-" + std::to_string(random_() % 300),
                                      {"program", "--unique=" + std::to_string(last_id_), "some more argument"}));
        all[process.id] = process;
        return process.id;
    }

    Writer& writer_;
    Bounds bounds_;
    std::mt19937 random_{1};
    model::Id last_id_ = 0;
    model::BootId boot_ = 0;
    std::int64_t serial_ = 0;
    model::Id init_ = 0;
    model::Id services_[20] = {};
    std::vector<model::Id> alive_;
};

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
        const auto reader = must(open_reader(path));
        check_kept(server, *reader);
        CHECK(must(reader->sizes()).processes > 10'000);
        CHECK(must(reader->boots()).size() < 13);
    }
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
        writer->put(model::Gap{1, 1, start_ns, start_ns + second_ns, 7, model::Witness::audit, "old"});
        writer->put(model::Gap{2, 1, start_ns + 29 * day_ns, start_ns + 29 * day_ns, 7, model::Witness::audit, "new"});
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
    const auto gaps = must(reader->gaps(0));
    REQUIRE(gaps.size() == 1);
    CHECK(gaps[0].why == "new");
}

TEST_CASE("a bound that is lowered shrinks the file, in steps") {
    TemporaryDirectory directory;
    const auto path = directory.file();
    {
        const auto writer = must(open_writer(path));
        Server server(*writer, {});
        for (int day = 0; day < 80; ++day) server.day(1000);
        REQUIRE(fs::file_size(path) > (9U << 20));
        int steps = 0;
        while (steps < 10'000 && must(writer->keep_within({.bytes_max = 6LL << 20}, server.now_ns))) ++steps;
        CHECK(steps > 20);
        for (int more = 0; more < 20; ++more) must(writer->keep_within({.bytes_max = 6LL << 20}, server.now_ns));
    }
    CHECK(bytes_of(path) <= (6LL << 20));
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
