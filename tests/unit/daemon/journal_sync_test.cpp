// Goal: the operator hears once that the journal does not get to the disk, and that it does again when that has lasted.
// Method: a journal whose folder is taken away now and again, which each time is an error of one sync.
#include "journal_sync.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

using namespace lineage;

TEST_CASE("one failure after another is one trouble, which is over when none has come for a while") {
    std::string parent = "/tmp/lineage-sync-XXXXXX";
    REQUIRE(::mkdtemp(parent.data()) != nullptr);
    const auto directory = parent + "/journal";
    auto journal = journal::Writer::open(directory);
    REQUIRE(journal);
    std::atomic<int> failed = 0;
    std::atomic<int> worked = 0;
    constexpr int sync_ms = 100;
    daemon::JournalSync sync(*journal, sync_ms, [&](const base::Status& done) { ++(done ? worked : failed); });
    const auto record_for = [&](int ms) {
        for (int left_ms = ms; left_ms > 0 && worked == 0; left_ms -= 10) {
            REQUIRE(journal->append({.source = model::Source::control, .received_ns = 1, .payload = {}}));
            sync.note(journal->end());
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
    };
    record_for(200);
    CHECK(failed == 0);
    for (int i = 0; i < 3; ++i) {
        std::filesystem::remove_all(directory);
        record_for(300);
    }
    CHECK(failed == 1);
    CHECK(worked == 0);
    record_for(20'000);
    CHECK(failed == 1);
    CHECK(worked == 1);
    std::filesystem::remove_all(parent);
}
