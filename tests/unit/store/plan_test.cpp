// Goal: `show` stays fast among ten million processes: what it asks reads no table from end to end.
// Method: every statement that the reader prepares is caught as SQLite runs it, and explained; a SCAN of anything but
// the small tables fails.
#include <sqlite3.h>

#include <set>

#include "support.hpp"

using namespace lineage;
using namespace lineage::store;
using namespace lineage::store::test;

namespace {

std::set<std::string>* caught = nullptr;

int catch_statement(unsigned, void*, void* statement, void*) {
    if (caught != nullptr) caught->insert(sqlite3_sql(static_cast<sqlite3_stmt*>(statement)));
    return 0;
}

int watch(sqlite3* db, const char**, const void*) {
    return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, catch_statement, nullptr);
}

// The steps of the plan that read a whole table.
std::set<std::string> scans(sqlite3* db, const std::string& sql) {
    std::set<std::string> result;
    sqlite3_stmt* plan = nullptr;
    REQUIRE(sqlite3_prepare_v2(db, ("EXPLAIN QUERY PLAN " + sql).c_str(), -1, &plan, nullptr) == SQLITE_OK);
    while (sqlite3_step(plan) == SQLITE_ROW) {
        std::string step = reinterpret_cast<const char*>(sqlite3_column_text(plan, 3));
        // An automatic index is made by reading the whole table too.
        const bool is_scan = step.starts_with("SCAN") || step.find("AUTOMATIC") != std::string::npos;
        if (is_scan && step != "SCAN CONSTANT ROW") result.insert(std::move(step));
    }
    sqlite3_finalize(plan);
    return result;
}

struct Fixture {
    TemporaryDirectory directory;
    std::unique_ptr<Writer> writer = must(open_writer(directory.file()));
    std::set<std::string> statements;

    std::unique_ptr<Reader> watched_reader() {
        sqlite3_auto_extension(reinterpret_cast<void (*)()>(watch));
        auto reader = must(open_reader(directory.file()));
        sqlite3_reset_auto_extension();
        statements.clear();
        return reader;
    }
    std::set<std::string> scans_of(const std::function<void(Reader&)>& work) {
        auto reader = watched_reader();
        caught = &statements;
        work(*reader);
        caught = nullptr;
        sqlite3* db = nullptr;
        REQUIRE(sqlite3_open(directory.file().c_str(), &db) == SQLITE_OK);
        std::set<std::string> all;
        for (const auto& sql : statements) all.merge(scans(db, sql));
        sqlite3_close(db);
        return all;
    }
};
using Scans = std::set<std::string>;

}  // namespace

TEST_CASE_FIXTURE(Fixture, "show reads no table from end to end") {
    in_transaction(*writer, [&] {
        for (model::Id id = 1; id < 10; ++id) {
            auto one = process(id, id - 1);
            one.image_owner = 1;
            writer->put(one);
        }
        writer->put(1, image(0, "/bin/sh", {"sh"}));
    });
    CHECK(scans_of([](Reader& reader) {
              must(reader.by_id(5));
              must(reader.by_pid(1005, start_ns + 100 * second_ns));
              must(reader.ancestors(5));
          }) == Scans{});
    CHECK(statements.size() > 5);
    CHECK(statements.contains("BEGIN"));  // one state of the database for all of an answer
    CHECK(scans_of([](Reader& reader) { must(reader.by_event(start_ns, 12345)); }) == Scans{"SCAN block"});
    model::Filter filter;
    filter.alive_only = true;
    CHECK(scans_of([&](Reader& reader) { ids(reader, filter); }) == Scans{});
    filter = {};
    filter.under = 3;
    CHECK(scans_of([&](Reader& reader) { ids(reader, filter); }) == Scans{"SCAN below"});
    filter.depth = 2;
    CHECK(scans_of([&](Reader& reader) { ids(reader, filter); }) == Scans{"SCAN below"});
    filter = {};
    filter.pid = 1003;
    CHECK(scans_of([&](Reader& reader) { ids(reader, filter); }) == Scans{});
    CHECK(scans_of([&](Reader& reader) { ids(reader, {}); }) == Scans{"SCAN process"});
}
