// Goal: kept events come back as they went in, are found by type, key and serial, go with their process, and stay
// within their own bounds. Method: made-up events; the sizes are looked at in the database itself.
#include <sqlite3.h>

#include <random>

#include "support.hpp"

using namespace lineage;
using namespace lineage::store;
using namespace lineage::store::test;

namespace {

model::KeptEvent user_start(std::int64_t serial, model::TimeNs time_ns) {
    const auto id = "audit(" + std::to_string(time_ns / second_ns) + ".000:" + std::to_string(serial) + "): ";
    return {time_ns, serial, "USER_START", "",
            "type=USER_START msg=" + id + "pid=" + std::to_string(1000 + serial) +
                " uid=0 auid=0 ses=" + std::to_string(serial) +
                " subj=unconfined msg='op=PAM:session_open grantors=pam_loginuid,pam_env,pam_unix acct=\"root\" "
                "exe=\"/usr/sbin/cron\" hostname=? addr=? terminal=cron res=success'\n"};
}

std::int64_t integer_of(const std::string& path, const char* sql) {
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK);
    sqlite3_stmt* statement = nullptr;
    REQUIRE(sqlite3_prepare_v2(db, sql, -1, &statement, nullptr) == SQLITE_OK);
    REQUIRE(sqlite3_step(statement) == SQLITE_ROW);
    const auto value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return value;
}

struct Fixture {
    TemporaryDirectory directory;
    std::string path = directory.file();
    std::unique_ptr<Writer> writer = must(open_writer(path));
    Fixture() {
        in_transaction(*writer, [&] {
            writer->put(model::Boot{1, "boot", "host", start_ns, false});
            writer->put(process(1, 0));
            writer->put(process(2, 1));
            writer->put(process(3, 1));
        });
    }
    std::vector<std::int64_t> serials(model::Id owner, model::TimeNs until_ns = model::time_ns_max) const {
        std::vector<std::int64_t> found;
        for (const auto& event : must(must(open_reader(path))->records(owner, until_ns))) found.push_back(event.serial);
        return found;
    }
    std::vector<model::Id> find(const std::string& type, const std::string& key) const {
        model::Filter filter;
        filter.record_type = type;
        filter.record_key = key;
        std::vector<model::Id> found;
        must(must(open_reader(path))->select(filter, [&](model::Node&& node) {
            found.push_back(node.process.id);
            return true;
        }));
        return found;
    }
};

using Serials = std::vector<std::int64_t>;
using Ids = std::vector<model::Id>;

}  // namespace

TEST_CASE("events come back byte for byte, also those of hostile bytes, and take a third of their text") {
    const Fixture at;
    std::mt19937 chance(1);
    std::string noise(100'000, '\0');
    for (char& c : noise) c = static_cast<char>(chance());
    const model::KeptEvent strange{start_ns, 7, "UNKNOWN[1999]", "k\x01l", noise + "\n"};
    const auto plain = user_start(8, start_ns + second_ns);
    in_transaction(*at.writer, [&] {
        at.writer->put(1, 2, strange);
        at.writer->put(2, 2, plain);
    });
    const auto got = must(must(open_reader(at.path))->records(2, model::time_ns_max));
    REQUIRE(got.size() == 2);
    CHECK(got[0] == strange);
    CHECK(got[1] == plain);
    CHECK(integer_of(at.path, "SELECT length(bytes) FROM record WHERE id=2") * 3 <
          static_cast<std::int64_t>(plain.text.size()));
    CHECK(at.serials(2, start_ns) == Serials{7});
    const auto found = must(must(open_reader(at.path))->kept_at(plain.time_ns, 8));
    REQUIRE(found.size() == 1);
    CHECK(found[0].event == plain);
    CHECK(must(must(open_reader(at.path))->kept_at(plain.time_ns + 5 * second_ns, 8)).empty());
    CHECK(must(must(open_reader(at.path))->by_event(plain.time_ns, 8)).at(0).process.id == 2);
}

TEST_CASE("a process is found by the type and the key of one and the same event") {
    const Fixture at;
    in_transaction(*at.writer, [&] {
        at.writer->put(1, 2, {start_ns, 1, "AVC SYSCALL PATH", "etc\x01shadow", "a\n"});
        at.writer->put(2, 2, {start_ns, 2, "USER_AVC", "", "b\n"});
        at.writer->put(3, 3, {start_ns, 3, "SYSCALL", "etc", "c\n"});
    });
    CHECK(at.find("AVC", "") == Ids{2});
    CHECK(at.find("", "etc") == Ids{2, 3});
    CHECK(at.find("", "shadow") == Ids{2});
    CHECK(at.find("USER_AVC", "etc").empty());
    CHECK(at.find("SYSCALL", "etc") == Ids{2, 3});
    CHECK(at.find("SYS", "").empty());
    CHECK(at.find("", "et").empty());
}

TEST_CASE("an event can turn out to be another's, and goes with its process") {
    const Fixture at;
    in_transaction(*at.writer, [&] {
        at.writer->put(1, 2, user_start(1, start_ns));
        at.writer->put(2, 2, user_start(2, start_ns));
        at.writer->move_record(1, 3);
        at.writer->drop(2);
    });
    CHECK(at.serials(3) == Serials{1});
    CHECK(at.serials(2).empty());
    CHECK(must(at.writer->last_ids()).record == 1);
    in_transaction(*at.writer, [&] { at.writer->drop_boot("boot"); });
    CHECK(integer_of(at.path, "SELECT count(*) FROM record") == 0);
    CHECK(integer_of(at.path, "SELECT bytes FROM record_size") == 0);
}

TEST_CASE("their bounds are their own: the oldest go, and nothing else") {
    const Fixture at;
    constexpr int count = 3000;
    in_transaction(*at.writer, [&] {
        for (int i = 1; i <= count; ++i) at.writer->put(i, 2, user_start(i, start_ns + i * second_ns));
    });
    const auto now_ns = start_ns + count * second_ns;
    const auto keep = [&](const Bounds& bounds) {
        while (must(at.writer->keep_within(bounds, now_ns))) {
        }
    };
    keep({});
    CHECK(at.serials(2).size() == count);
    const auto all_bytes = integer_of(at.path, "SELECT bytes FROM record_size");
    CHECK(all_bytes == integer_of(at.path, "SELECT sum(length(bytes) + 64) FROM record"));
    keep({0, 0, all_bytes / 2, 0});
    auto left = at.serials(2);
    CHECK(left.size() < count * 11 / 20);
    CHECK(left.size() > count * 6 / 20);
    CHECK(left.back() == count);
    CHECK(left.front() == count - static_cast<int>(left.size()) + 1);
    keep({0, 0, 0, 100 * second_ns});
    left = at.serials(2);
    CHECK(left.back() == count);
    CHECK(left.size() <= 101);
    CHECK(integer_of(at.path, "SELECT count(*) FROM process") == 3);
}

TEST_CASE("what a rolled back transaction interned is interned again") {
    const Fixture at;
    must(at.writer->begin());
    at.writer->put(1, 2, user_start(1, start_ns));
    at.writer->rollback();
    in_transaction(*at.writer, [&] { at.writer->put(1, 2, user_start(1, start_ns)); });
    CHECK(at.serials(2) == Serials{1});
    CHECK(at.find("USER_START", "") == Ids{2});
}
