// Goal: whatever is wrong with a database is said in one clear sentence, and costs nobody their history.
// Method: each trouble is made for real: damaged files, a full file system, other programs, users without rights.
#include <fcntl.h>
#include <sched.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>
#include <functional>
#include <thread>

#include "file_watch.hpp"
#include "intern.hpp"
#include "schema.hpp"
#include "support.hpp"

using namespace lineage;
using namespace lineage::store;
using namespace lineage::store::test;
namespace fs = std::filesystem;

namespace {

void write_file(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
}

std::string open_error(const std::string& path) {
    const auto reader = open_reader(path);
    const auto writer = open_writer(path);
    REQUIRE_FALSE(reader);
    REQUIRE_FALSE(writer);
    CHECK(reader.error().message() == writer.error().message());
    return reader.error().message();
}

void run_sql(const std::string& path, const std::string& sql) {
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
    REQUIRE(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(db);
}

void put_many(Writer& writer, model::Id from, model::Id count) {
    for (model::Id id = from; id < from + count; ++id) {
        writer.put(process(id, 0));
        writer.put(id, image(0, "/bin/x", {"unique", std::to_string(id)}));
    }
}

// Runs `work` in a child; its result is the child's exit status, or -1 if it was killed.
int in_child(const std::function<int()>& work) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) ::_exit(work());
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

constexpr uid_t nobody = 65534;
constexpr int skipped = 77;

}  // namespace

TEST_CASE("what is no database of ours is named and left alone") {
    TemporaryDirectory directory;
    const auto path = directory.file();
    CHECK(open_reader(path).error().message() == "open " + path + ": No such file or directory");
    CHECK(open_writer(directory.file("no/such")).error().message().starts_with("create "));
    CHECK(open_error(directory.path()) == "open " + directory.path() + ": is a directory, not a database");
    CHECK(open_error("/dev/null") == "open /dev/null: is not a regular file");
    write_file(path, std::string(10'000, 'x'));
    CHECK(open_error(path) == "database " + path + ": not a database");
    CHECK(fs::file_size(path) == 10'000);
    const auto foreign = directory.file("foreign.db");
    run_sql(foreign, "CREATE TABLE theirs (a)");
    CHECK(open_error(foreign) == "database " + foreign + ": belongs to another program; nothing was changed");
    CHECK_FALSE(fs::exists(foreign + "-wal"));
    write_file(directory.file("empty.db"), "");
    CHECK(open_reader(directory.file("empty.db")).error().cause.starts_with("empty: "));
}

TEST_CASE("odd names of files are names of files") {
    TemporaryDirectory directory;
    for (const char* name : {"a b?c=d#e%41.db", "\xff\n.db"}) {
        { must(open_writer(directory.file(name))); }
        CHECK(fs::exists(directory.file(name)));
        must(open_reader(directory.file(name)));
    }
}

TEST_CASE("a newer schema is refused by its number") {
    TemporaryDirectory directory;
    { must(open_writer(directory.file())); }
    run_sql(directory.file(), "PRAGMA user_version = 4711");
    CHECK(open_error(directory.file())
              .find("schema 4711 is newer than this program's " + std::to_string(migrations().back().number) + ": ") !=
          std::string::npos);
}

TEST_CASE("an older schema is migrated step by step, or not at all") {
    TemporaryDirectory directory;
    { must(open_writer(directory.file())); }
    Database database(directory.file(), directory.file(), SQLITE_OPEN_READWRITE);
    const int newest = migrations().back().number;
    const Migration one{newest, "not to be run again"};
    const Migration two{newest + 1, "CREATE TABLE second (a)"};
    const Migration broken[] = {one, two, {newest + 2, "CREATE TABLE third (a); nonsense"}};
    CHECK_FALSE(migrate(database, broken));
    CHECK(must(schema_version(database, broken)) == newest);
    const Migration good[] = {one, two, {newest + 2, "CREATE TABLE third (b)"}};
    must(migrate(database, good));
    must(migrate(database, good));
    CHECK(must(schema_version(database, good)) == newest + 2);
    database.execute("INSERT INTO second VALUES (1); INSERT INTO third (b) VALUES (1)");
    must(database.take_failure());
}

TEST_CASE("a database of the first version keeps what it holds, and takes what has come since") {
    TemporaryDirectory directory;
    {
        Database database(directory.file(), directory.file(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
        must(migrate(database, migrations().first(1)));
        database.execute("INSERT INTO boot VALUES (1, 'old', 'host', 5, 0)");
        must(database.take_failure());
    }
    CHECK(open_reader(directory.file()).error().message().find("schema 1 is older than") != std::string::npos);
    auto writer = must(open_writer(directory.file()));
    in_transaction(*writer, [&] {
        writer->put(process(1, 0));
        writer->put(1, std::vector{model::Attempt{0, start_ns, 1, "x", 2, "/"}});
    });
    auto reader = must(open_reader(directory.file()));
    CHECK(must(reader->boots()) == std::vector{model::Boot{1, "old", "host", 5, false}});
    CHECK(node(reader->by_id(1)).attempts.size() == 1);
}

TEST_CASE("a truncated or overwritten database is called damaged") {
    TemporaryDirectory directory;
    const auto path = directory.file();
    {
        auto writer = must(open_writer(path));
        in_transaction(*writer, [&] { put_many(*writer, 1, 20'000); });
    }
    run_sql(path, "PRAGMA wal_checkpoint(TRUNCATE)");
    SUBCASE("truncated") {
        fs::resize_file(path, fs::file_size(path) / 2);
        CHECK(open_error(path).find("damaged or truncated") != std::string::npos);
    }
    SUBCASE("overwritten inside: reading goes on up to there") {
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(static_cast<std::streamoff>(fs::file_size(path) / 4));
        file << std::string(fs::file_size(path) / 2, '\xee');
        file.close();
        auto reader = must(open_reader(path));
        const auto status = reader->select({}, [](model::Node&&) { return true; });
        REQUIRE_FALSE(status);
        CHECK(status.error().cause.find("damaged") != std::string::npos);
        CHECK(must(reader->by_id(1)));
    }
}

TEST_CASE("a second writer is refused under another name of the file, too, and when somebody has removed the lock") {
    if (::geteuid() != 0) return;  // whoever else may not make the lock that knows
    TemporaryDirectory directory;
    const auto path = directory.file();
    auto first = must(open_writer(path));
    fs::create_hard_link(path, directory.file("other.db"));
    fs::remove(path + ".lock");
    for (const auto& name : {path, directory.file("other.db")}) {
        const auto second = open_writer(name);
        REQUIRE_FALSE(second);
        CHECK(second.error().message() ==
              "database " + name + ": another lineage is writing to it, under this name or another");
    }
    const auto unrelated = must(open_writer(directory.file("unrelated.db")));
    first.reset();
    CHECK(open_writer(directory.file("other.db")));
}

TEST_CASE("a second writer is refused until the first has gone, however it went") {
    TemporaryDirectory directory;
    const auto path = directory.file();
    auto first = must(open_writer(path));
    fs::create_symlink(path, directory.file("link.db"));
    for (const auto& name : {path, directory.file("link.db")}) {
        CHECK(open_writer(name).error().message() ==
              "database " + name + ": another lineage is writing to it (pid " + std::to_string(::getpid()) + ")");
    }
    in_transaction(*first, [&] { put_many(*first, 1, 1); });
    first.reset();
    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
        auto writer = open_writer(path);
        static_cast<void>(!::write(ready[1], writer ? "y" : "n", 1));
        for (;;) ::pause();
    }
    char answer = 0;
    REQUIRE(::read(ready[0], &answer, 1) == 1);
    CHECK(answer == 'y');
    CHECK_FALSE(open_writer(path));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    must(open_writer(path));
}

TEST_CASE("a writer killed in a transaction leaves the last commit") {
    TemporaryDirectory directory;
    const auto path = directory.file();
    CHECK(in_child([&] {
              auto writer = *open_writer(path);
              if (!writer->begin()) return 1;
              put_many(*writer, 1, 10);
              if (!writer->commit() || !writer->begin()) return 1;
              put_many(*writer, 11, 100'000);
              return ::raise(SIGKILL);
          }) == -1);
    CHECK(must(must(open_reader(path))->sizes()).processes == 10);
    CHECK(must(must(open_writer(path))->last_ids()).process == 10);
}

TEST_CASE("another program's transaction is waited for") {
    TemporaryDirectory directory;
    auto writer = must(open_writer(directory.file()));
    sqlite3* other = nullptr;
    REQUIRE(sqlite3_open(directory.file().c_str(), &other) == SQLITE_OK);
    REQUIRE(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK);
    std::thread release([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
        sqlite3_exec(other, "COMMIT", nullptr, nullptr, nullptr);
    });
    in_transaction(*writer, [&] { put_many(*writer, 1, 1); });
    release.join();
    sqlite3_close(other);
    CHECK(must(must(open_reader(directory.file()))->by_id(1)));
}

TEST_CASE("a reader sees whole transactions, and neither waits for the writer nor makes it wait") {
    TemporaryDirectory directory;
    auto writer = must(open_writer(directory.file()));
    in_transaction(*writer, [&] { put_many(*writer, 1, 100); });
    auto reader = must(open_reader(directory.file()));
    std::size_t seen = 0;
    must(reader->select({}, [&](model::Node&& node) {
        if (++seen == 1) {
            in_transaction(*writer, [&] {
                put_many(*writer, 101, 100);
                writer->drop_images(50, 0);
            });
        }
        CHECK(node.images.size() == 1);
        return true;
    }));
    CHECK(seen == 100);
    CHECK(node(reader->by_id(50)).images.empty());
    must(writer->begin());
    put_many(*writer, 201, 100);
    CHECK(ids(*reader, {}).size() == 200);
    must(writer->commit());
    CHECK(ids(*reader, {}).size() == 300);
}

TEST_CASE("a full file system fails the commit, keeps what was there, and is over when there is space again") {
    TemporaryDirectory directory;
    const int result = in_child([&] {
        // A file system of our own, which the kernel removes with us.
        if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount("tmpfs", directory.path().c_str(), "tmpfs", 0, "size=2m") != 0) {
            return skipped;
        }
        auto writer = *open_writer(directory.file());
        if (!writer->begin()) return 1;
        put_many(*writer, 1, 10);
        if (!writer->commit()) return 2;
        write_file(directory.file("ballast"), std::string(1'000'000, 'x'));
        if (!writer->begin()) return 3;
        put_many(*writer, 11, 20'000);
        const auto full = writer->commit();
        if (full) return 4;
        if (full.error().cause != "no space left on its file system") return 5;
        auto reader = *open_reader(directory.file());
        if (reader->sizes()->processes != 10) return 6;
        fs::remove(directory.file("ballast"));
        if (!writer->begin()) return 7;
        put_many(*writer, 11, 1000);
        if (!writer->commit()) return 8;
        const auto node = *reader->by_id(500);
        return reader->sizes()->processes == 1010 && node && node->current == image(0, "/bin/x", {"unique", "500"}) ? 0
                                                                                                                    : 9;
    });
    if (result == skipped) {
        MESSAGE("skipped: mounting a small tmpfs needs root");
        return;
    }
    CHECK(result == 0);
}

TEST_CASE("who may only read can read: beside a writer, after it, and from a copy alone") {
    TemporaryDirectory directory;
    const auto path = directory.file();
    auto writer = must(open_writer(path));
    in_transaction(*writer, [&] { put_many(*writer, 1, 10); });
    // As lineaged has it: the group's to read, nobody else's.
    if (::geteuid() == 0)
        for (const char* const suffix : {"", "-wal", "-shm"}) {
            REQUIRE(fs::status(path + suffix).permissions() == fs::perms(0640));
            REQUIRE(::chown((path + suffix).c_str(), 0, nobody) == 0);
        }
    fs::permissions(directory.path(), fs::perms(0555));
    const auto count = [](const std::string& file) {
        return in_child([&] {
            if (::geteuid() == 0 && (::setgid(nobody) != 0 || ::setuid(nobody) != 0)) return skipped;
            const auto reader = open_reader(file);
            return reader ? static_cast<int>((*reader)->sizes()->processes) : 99;
        });
    };
    CHECK(count(path) == 10);
    writer.reset();
    CHECK(fs::exists(path + "-shm"));  // or a reader without rights could not join the next writer
    CHECK(count(path) == 10);
    fs::permissions(directory.path(), fs::perms(0755));
    run_sql(path, "PRAGMA wal_checkpoint(TRUNCATE)");
    fs::create_directory(directory.file("archive"));
    fs::copy_file(path, directory.file("archive/copy.db"));
    fs::permissions(directory.file("archive/copy.db"), fs::perms(0444));
    fs::permissions(directory.file("archive"), fs::perms(0555));
    CHECK(count(directory.file("archive/copy.db")) == 10);
    fs::permissions(directory.file("archive"), fs::perms(0755));
    fs::permissions(path, fs::perms(0));
    CHECK(in_child([&] {
              if (::geteuid() == 0 && ::setuid(nobody) != 0) return skipped;
              const auto reader = open_reader(path);
              return !reader && reader.error().exit == base::ExitCode::not_permitted &&
                             reader.error().message() == "open " + path + ": Permission denied"
                         ? 0
                         : 1;
          }) == 0);
}

TEST_CASE("the memory of texts is bounded, and keeps what is used") {
    InternCache cache(20'000);
    cache.add("kept", 7);
    for (int i = 0; i < 10'000; ++i) {
        cache.add(std::to_string(i), i);
        REQUIRE(cache.find("kept") == 7);
    }
    CHECK(cache.find("9999") == 9999);
    CHECK(cache.find("1") == std::nullopt);
    cache.add(std::string(20'000, 'x'), 8);
    CHECK(cache.find(std::string(20'000, 'x')) == std::nullopt);
}

TEST_CASE("a damaged argument vector ends where the damage begins") {
    CHECK(decode_argv("\x02"
                      "ab"
                      "\x05"
                      "abc") == std::vector<std::string>{"ab"});
    CHECK(decode_argv("\xff\xff\xff\xff\xff\xff\xff\xff").empty());
    CHECK(decode_argv("\x80").empty());
}

TEST_CASE("who writes to the database or to its log, or takes one of them away, is seen") {
    for (const std::string part : {"", "-wal"}) {
        CAPTURE(part);
        TemporaryDirectory directory;
        const auto path = directory.file();
        for (const auto* const one : {"", "-wal"}) write_file(path + one, "pages");
        FileWatch watch(path);
        CHECK(watch.look() == FileWatch::Sight::untouched);
        std::ofstream(path + part, std::ios::app) << "more";
        CHECK(watch.look() == FileWatch::Sight::written);
        watch.forgive();
        CHECK(watch.look() == FileWatch::Sight::untouched);
        fs::resize_file(path + part, 1);
        CHECK(watch.look() == FileWatch::Sight::written);
        watch.forgive();
        fs::rename(path + part, path + ".elsewhere");
        CHECK(watch.look() == FileWatch::Sight::moved);
        watch.forgive();
        CHECK(watch.look() == FileWatch::Sight::moved);
        FileWatch another(path);
        fs::remove(path + (part.empty() ? "-wal" : ""));
        CHECK(another.look() == FileWatch::Sight::moved);
    }
}
