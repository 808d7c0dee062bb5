// Goal: a kept event hangs on the life that it is about, and follows when that turns out to be another one.
// Method: audit alone, observations by hand.
#include "world.hpp"

using namespace lineage;
using namespace lineage::tree::test;

namespace {

struct Kept : World {
    void keep(model::TimeNs at_ms, std::int64_t serial, model::Pid pid) {
        model::AuditKept kept;
        kept.task.time_ns = kept.event.time_ns = start + at_ms * ms;
        kept.task.serial = kept.event.serial = serial;
        kept.task.pid = pid;
        kept.event.types = "USER";
        kept.event.text = "type=USER\n";
        say(kept);
    }
    model::Pid owner_of(std::int64_t serial) {
        tracker.take_changes(rows);
        for (const auto& [id, one] : rows.records)
            if (one.second.serial == serial) return rows.processes.at(one.first).pid;
        return -1;
    }
    model::Id owner_id(std::int64_t serial) {
        for (const auto& [id, one] : rows.records)
            if (one.second.serial == serial) return one.first;
        return 0;
    }
};

}  // namespace

TEST_CASE("it hangs on its process, and what names none on pid 0") {
    Kept world;
    world.exec(10, 1, 100, 50, "a");
    world.keep(20, 2, 100);
    world.keep(21, 3, 0);
    CHECK(world.owner_of(2) == 100);
    CHECK(world.owner_of(3) == 0);
    CHECK(world.rows.records.size() == 2);
}

TEST_CASE("of two lives of a pid it is the one that lived then, and what shares an event shares its process") {
    Kept world;
    world.fork(10, 1, 50, 1, 100);
    world.exit(100, 2, 100, 50, 0);
    world.keep(100, 2, 100);  // the last words of the first
    world.fork(200, 3, 50, 1, 100);
    world.keep(210, 4, 100);
    const auto lives = world.lives(100);
    REQUIRE(lives.size() == 2);
    CHECK(world.owner_id(2) == lives[0].id);
    CHECK(world.owner_id(4) == lives[1].id);
}

TEST_CASE("a birth inside a known life takes the later ones along, those that are stored as well") {
    for (const bool stored : {false, true}) {
        CAPTURE(stored);
        Kept world;
        world.fork(10, 1, 50, 1, 100);
        world.keep(20, 2, 100);
        world.keep(500, 3, 100);
        if (stored) world.save_and_restore();
        world.fork(400, 4, 50, 1, 100);  // so the first had ended unseen, and 3 was said by the second
        const auto lives = world.lives(100);
        REQUIRE(lives.size() == 2);
        CHECK(world.owner_id(2) == lives[0].id);
        CHECK(world.owner_id(3) == lives[1].id);
    }
}

TEST_CASE("who is known by name alone is in the tree, marked so, from the first moment that is known of him") {
    for (const bool named_first : {true, false}) {
        CAPTURE(named_first);
        Kept world;
        const auto name = [&] {
            model::AuditNamed named;
            named.task.time_ns = start + 900 * ms;
            named.task.pid = 70;
            world.say(named);
        };
        if (named_first) name();
        world.exec(200, 1, 100, 70, "a");  // of a child of his
        if (!named_first) name();
        const auto lives = world.lives(70);
        REQUIRE(lives.size() == 1);
        CHECK(lives[0].inferred != model::Inferred::no);
        CHECK(lives[0].born.time_ns == start + 200 * ms);
    }
}

TEST_CASE("two events that auditd counted are not taken for one") {
    Kept world;
    world.fork(10, 1, 50, 1, 100);
    world.exit(100, 2, 100, 50, 0);
    world.fork(5000, 3, 50, 1, 100);
    world.keep(20, 0, 100);
    world.keep(5020, 0, 100);
    world.tracker.take_changes(world.rows);
    REQUIRE(world.rows.records.size() == 2);
    const auto lives = world.lives(100);
    REQUIRE(lives.size() == 2);
    for (const auto& [id, one] : world.rows.records)
        CHECK(one.first == (one.second.time_ns < start + 1000 * ms ? lives[0].id : lives[1].id));
}

TEST_CASE("ids go on where the saved state ended") {
    Kept world;
    world.exec(10, 1, 100, 50, "a");
    world.keep(20, 2, 100);
    world.save_and_restore();
    world.keep(30, 3, 100);
    CHECK(world.owner_of(3) == 100);
    CHECK(world.rows.records.size() == 2);
}
