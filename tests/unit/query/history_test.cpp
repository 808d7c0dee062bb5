// Goal: an event finds the life of its pid that it belongs to, however often the pid was used, and the history ends at
// the event.
// Method: a Reader over a few lives in memory; times in ms after the boot.
#include "lineage/query/history.hpp"

#include <doctest/doctest.h>

#include "fake_reader.hpp"

using namespace lineage;
using namespace lineage::query;

namespace {

constexpr model::TimeNs boot_ns = 1'763'720'000'000'000'000;
constexpr model::TimeNs ms = 1'000'000;

class Bench {
public:
    Bench() {
        boot(1, "", 0);
        life(1, 0, 0, {0, 0}).comm = "swapper/0";
    }
    void boot(model::BootId id, const std::string& host, std::int64_t at_ms) {
        model::Boot one;
        one.id = id;
        one.host = host;
        one.started_ns = boot_ns + at_ms * ms;
        reader.all_boots.push_back(one);
    }
    struct At {
        std::int64_t ms_after_boot;
        std::int64_t serial;
    };
    model::Process& life(model::Id id, model::Pid pid, model::Id parent, At born, std::optional<At> ended = {},
                         model::BootId boot = 1) {
        reader.add(id, parent, boot);
        auto& process = reader.processes[id];
        process.pid = pid;
        process.comm = "c" + std::to_string(id);
        process.born.time_ns = boot_ns + born.ms_after_boot * ms;
        process.born.serial = born.serial;
        if (ended) {
            process.ended.emplace();
            process.ended->time_ns = boot_ns + ended->ms_after_boot * ms;
            process.ended->serial = ended->serial;
        }
        return process;
    }
    void image(model::Id id, const std::string& comm, At at, model::Witness witness = model::Witness::audit) {
        auto& images = reader.images[id];
        model::Image one;
        one.seq = static_cast<std::int32_t>(images.size());
        one.comm = comm;
        one.time_ns = boot_ns + at.ms_after_boot * ms;
        one.serial = at.serial;
        one.witnesses = model::only(witness);
        images.push_back(one);
    }
    model::Id at(model::Pid pid, At at, Role role = Role::subject, std::string_view node = {}) {
        Histories histories(reader);
        REQUIRE(histories.refresh().has_value());
        const auto place = histories.place({node, boot_ns + at.ms_after_boot * ms, at.serial}, pid, role);
        REQUIRE(place.has_value());
        why = place->why;
        return place->process;
    }
    std::string history(model::Id id, At at) {
        Histories histories(reader);
        REQUIRE(histories.refresh().has_value());
        const auto entries = histories.history(id, {{}, boot_ns + at.ms_after_boot * ms, at.serial});
        REQUIRE(entries.has_value());
        std::string names;
        for (const auto& entry : *entries) names += (names.empty() ? "" : " ") + entry.name;
        return names;
    }
    test::FakeReader reader;
    Unplaced why = Unplaced::no_such_life;
};

}  // namespace

TEST_CASE("a pid used again: serials tell the lives apart where the clock does not") {
    Bench bench;
    bench.life(2, 50, 1, {1000, 10}, Bench::At{2000, 30});
    bench.life(3, 50, 1, {2000, 40}, Bench::At{2000, 50});
    bench.life(4, 50, 1, {2000, 60});
    CHECK(bench.at(50, {1500, 20}) == 2);
    CHECK(bench.at(50, {2000, 29}) == 2);
    CHECK(bench.at(50, {2000, 30}) == 2);
    CHECK(bench.at(50, {2000, 41}) == 3);
    CHECK(bench.at(50, {2000, 50}) == 3);
    CHECK(bench.at(50, {2000, 70}) == 4);
    CHECK(bench.at(50, {900'000, 7000}) == 4);
}

TEST_CASE("a child whose records come before its parent's clone") {
    Bench bench;
    bench.life(2, 50, 1, {1000, 10}, Bench::At{1200, 30});
    bench.life(3, 50, 1, {2000, 60});
    CHECK(bench.at(50, {2000, 58}) == 3);
}

TEST_CASE("without serials the times decide") {
    Bench bench;
    bench.life(2, 50, 1, {1000, 0}, Bench::At{2000, 0});
    bench.life(3, 50, 1, {2100, 0}, Bench::At{2200, 0});
    CHECK(bench.at(50, {1990, 5}) == 2);
    CHECK(bench.at(50, {2000, 5}) == 2);
    CHECK(bench.at(50, {2096, 5}) == 3);
    CHECK(bench.at(50, {2150, 5}) == 3);
    CHECK(bench.at(50, {2500, 5}) == 0);
}

TEST_CASE("an event that the kernel did not count is placed by time, whatever the serials of others") {
    Bench bench;
    bench.life(2, 50, 1, {1000, 10}, Bench::At{2000, 30});
    bench.life(3, 50, 1, {2100, 40}, Bench::At{9000, 50});
    CHECK(bench.at(50, {1500, 0}) == 2);
    CHECK(bench.at(50, {2150, 0}) == 3);
    CHECK(bench.at(50, {8990, 0}) == 3);
    CHECK(bench.at(50, {20'000, 0}) == 0);
    bench.image(2, "sh", {1100, 12});
    bench.image(2, "auditd", {1200, 14});
    CHECK(bench.history(2, {1150, 0}) == "swapper/0 sh");
    CHECK(bench.history(2, {1300, 0}) == "swapper/0 sh auditd");
}

TEST_CASE("what happened just before a boot began was in the boot before it, if anybody had the pid there") {
    Bench bench;
    bench.life(2, 50, 1, {1000, 5000});
    bench.boot(2, "", 5500);
    bench.life(5, 0, 0, {5500, 0}, {}, 2);
    bench.life(6, 50, 5, {5600, 3}, {}, 2);
    bench.life(7, 51, 5, {5600, 4}, {}, 2);
    CHECK(bench.at(50, {5000, 5003}) == 2);
    CHECK(bench.at(50, {5650, 5}) == 6);
    CHECK(bench.at(51, {5499, 4}) == 7);
}

TEST_CASE("never the newest life for want of a better one") {
    Bench bench;
    bench.life(2, 50, 1, {1000, 10}, Bench::At{2000, 30});
    CHECK(bench.at(50, {2100, 31}) == 0);
    CHECK(bench.at(50, {100'000, 3000}) == 0);
    CHECK(bench.at(51, {1500, 20}) == 0);
    CHECK(bench.why == Unplaced::no_such_life);
    bench.life(3, 50, 1, {500'000, 9000});
    CHECK(bench.at(50, {1500, 20}) == 2);
    CHECK(bench.at(50, {100'000, 3000}) == 0);
}

TEST_CASE("a zombie can still be sent a signal, until its pid is somebody else's") {
    Bench bench;
    bench.life(2, 50, 1, {1000, 10}, Bench::At{2000, 30});
    CHECK(bench.at(50, {60'000, 90}, Role::object) == 2);
    bench.life(3, 50, 1, {50'000, 80});
    CHECK(bench.at(50, {60'000, 90}, Role::object) == 3);
}

TEST_CASE("several boots of one host, and several hosts") {
    Bench bench;
    bench.life(2, 50, 1, {1000, 1000});
    bench.boot(2, "", 1'000'000);
    bench.life(5, 50, 1, {1'001'000, 20}, {}, 2);
    CHECK(bench.at(50, {1500, 1100}) == 2);
    CHECK(bench.at(50, {1'002'000, 30}) == 5);
    bench.boot(3, "web1", 0);
    bench.life(7, 50, 1, {1200, 1000}, {}, 3);
    CHECK(bench.at(50, {1500, 1100}) == 0);
    CHECK(bench.why == Unplaced::several_hosts);
    CHECK(bench.at(50, {1500, 1100}, Role::subject, "web1") == 7);
    CHECK(bench.at(50, {1500, 1100}, Role::subject, "web1.example") == 7);
    CHECK(bench.at(50, {1500, 1100}, Role::subject, "web2") == 0);
    CHECK(bench.why == Unplaced::unknown_host);
}

TEST_CASE("a history ends at the event, and each ancestor's at the birth of the next") {
    Bench bench;
    bench.life(2, 50, 1, {1000, 10});
    bench.image(2, "sh", {1001, 11});
    bench.image(2, "bash", {1002, 12});
    bench.image(2, "later", {3000, 90});
    bench.life(3, 51, 2, {2000, 20});
    bench.life(4, 52, 3, {2100, 30});
    bench.image(4, "ls", {2101, 31});
    bench.image(4, "cat", {2500, 60});
    CHECK(bench.history(4, {2400, 50}) == "swapper/0 sh bash c3 ls");
    CHECK(bench.history(4, {2500, 60}) == "swapper/0 sh bash c3 ls cat");
    CHECK(bench.history(4, {2101, 31}) == "swapper/0 sh bash c3 ls");
    // Not yet an image of its own: it runs what it inherited.
    CHECK(bench.history(4, {2100, 30}) == "swapper/0 sh bash c3 c3");
    CHECK(bench.history(2, {1001, 11}) == "swapper/0 sh");
    CHECK(bench.history(2, {5000, 100}) == "swapper/0 sh bash later");
}

TEST_CASE("the image that /proc showed was there from the beginning") {
    Bench bench;
    bench.life(2, 50, 1, {1000, 0});
    bench.image(2, "sshd", {9000, 0}, model::Witness::procfs);
    bench.life(3, 51, 2, {2000, 0});
    CHECK(bench.history(3, {9500, 5}) == "swapper/0 sshd c3");
}

TEST_CASE("a damaged database with a circle is an error, not a loop") {
    Bench bench;
    bench.life(2, 50, 3, {1000, 10});
    bench.life(3, 51, 2, {1000, 10});
    Histories histories(bench.reader);
    REQUIRE(histories.refresh().has_value());
    CHECK(!histories.history(2, {{}, boot_ns + 5000 * ms, 50}).has_value());
}

TEST_CASE("what was read is kept until the database changes") {
    Bench bench;
    bench.life(2, 50, 1, {1000, 10});
    Histories histories(bench.reader);
    const EventStamp stamp{{}, boot_ns + 5000 * ms, 50};
    REQUIRE(histories.refresh().has_value());
    REQUIRE(histories.history(2, stamp).has_value());
    const auto asked = bench.reader.asked_by_id;
    REQUIRE(histories.history(2, stamp).has_value());
    CHECK(bench.reader.asked_by_id == asked);
    bench.image(2, "new", {4000, 40});
    bench.reader.current_version = 2;
    REQUIRE(histories.refresh().has_value());
    CHECK(histories.history(2, stamp)->back().name == "new");
}

TEST_CASE("no history from the future: an ancestor that is said to have begun after the event had run nothing yet") {
    Bench bench;
    bench.life(2, 50, 1, {100, 0});
    bench.image(2, "init", {100, 0});
    bench.image(2, "later", {2500, 25});
    bench.life(3, 60, 2, {3000, 0});
    bench.image(3, "latest", {3000, 30});
    bench.life(4, 70, 3, {1000, 0});
    bench.image(4, "now", {4000, 40});
    CHECK(bench.history(4, {1000, 10}) == "swapper/0 init init init");
    CHECK(bench.history(4, {4000, 41}) == "swapper/0 init init now");
}

TEST_CASE("of facts that audit counted the serials tell, also above a birth that it did not") {
    Bench bench;
    bench.life(2, 50, 1, {100, 2});
    bench.image(2, "sh", {200, 12});
    bench.life(3, 60, 2, {200, 11});
    bench.image(3, "make", {240, 20});
    bench.life(4, 70, 3, {250, 0});
    CHECK(bench.history(4, {260, 30}) == "swapper/0 swapper/0 make c4");
    CHECK(bench.history(4, {260, 15}) == "swapper/0 swapper/0 swapper/0 c4");
}

TEST_CASE("a boot that began behind the clock of the one before: the count of events tells whose an event is") {
    Bench bench;
    bench.reader.processes[1].ended.emplace();
    bench.reader.processes[1].ended->time_ns = boot_ns + 300'000 * ms;
    bench.life(2, 50, 1, {0, 5000});
    SUBCASE("by 200 s") {
        bench.boot(2, "", 100'000);
    }
    SUBCASE("by years: there was no battery") {
        bench.boot(2, "", -1'000'000'000'000);
    }
    const auto began_ms = (bench.reader.all_boots[1].started_ns - boot_ns) / ms;
    bench.life(5, 0, 0, {began_ms, 0}, {}, 2);
    bench.life(6, 50, 5, {began_ms, 3}, {}, 2);
    bench.life(7, 51, 5, {began_ms, 4}, {}, 2);
    CHECK(bench.at(50, {200'000, 5003}) == 2);
    CHECK(bench.at(50, {300'000, 5004}) == 2);
    CHECK(bench.at(51, {200'000, 5003}) == 0);
    CHECK(bench.at(50, {200'000, 5}) == 6);
    CHECK(bench.at(50, {400'000, 6}) == 6);
}
