// Goal: what capture found is joined with the record of the deed, whichever comes first, and with nobody else's; where
// no record names the process the one that was about audit is named, as inferred. Method: observations by hand.
#include "world.hpp"

using namespace lineage;
using namespace lineage::tree::test;
using What = model::AuditConfigChange::What;

namespace {

void change(World& world, model::TimeNs at_ms, std::int64_t serial, model::Pid pid, What what, std::string name,
            std::uint32_t list = 4, bool success = true, std::int64_t value = 0, model::TimeNs received_after_ms = 3) {
    model::AuditConfigChange told;
    told.task = World::task(at_ms, serial, pid, 50);
    if (pid == 0) told.task = {}, told.task.time_ns = start + at_ms * ms, told.task.serial = serial;
    told.auid = 1000;
    told.what = what;
    told.list = list;
    told.name = std::move(name);
    told.success = success;
    told.value = value;
    told.received_ns = told.task.time_ns + received_after_ms * ms;
    world.say(std::move(told));
}

void tampered(World& world, model::TimeNs found_ms, model::TimeNs from_ms, model::TimeNs to_ms, model::Weakness kind,
              std::int64_t times = 1, model::Pid by = 0) {
    world.say(model::Tampered{start + found_ms * ms, kind, start + from_ms * ms, to_ms == 0 ? 0 : start + to_ms * ms,
                              start + std::max(found_ms, to_ms) * ms, times, 40, by, "what", found_ms});
}

void looked(World& world, model::TimeNs asked_ms, model::TimeNs answered_ms, std::int64_t excludes = 0,
            model::AuditLook before = {}) {
    world.say(model::AuditLooked{{start + asked_ms * ms, start + answered_ms * ms, excludes}, before});
}

std::vector<model::Tamper> told(World& world) {
    world.tracker.take_changes(world.rows);
    std::vector<model::Tamper> all;
    for (const auto& [id, tamper] : world.rows.tampering) all.push_back(tamper);
    return all;
}

void named(World& world, model::Pid pid, const std::string& comm) {
    auto task = World::task(1, 1000 + pid, pid, 50);
    task.comm = comm;
    world.say(model::AuditExec{task, true, 0, {comm}, "/", "/sbin/" + comm});
}

}  // namespace

TEST_CASE("the deed's record names who and since when, before or after capture's word") {
    for (const bool record_first : {true, false}) {
        World world;
        if (record_first) change(world, 500, 7, 60, What::rule_removed, "lineage");
        tampered(world, 510, 100, 512, model::Weakness::rules_removed);
        if (!record_first) change(world, 500, 7, 60, What::rule_removed, "lineage");
        const auto all = told(world);
        REQUIRE(all.size() == 1);
        CHECK(all[0].pid == 60);
        CHECK(all[0].by == world.one(60).id);
        CHECK(all[0].auid == 1000);
        CHECK_FALSE(all[0].inferred);
        CHECK(all[0].time_ns == start + 500 * ms);
        CHECK(all[0].from_ns == start + 500 * ms);
        CHECK(all[0].to_ns == start + 512 * ms);
        REQUIRE(world.rows.gaps.size() == 1);
        CHECK(world.rows.gaps[0].from_ns == all[0].from_ns);
        CHECK(world.rows.gaps[0].to_ns == all[0].to_ns);
        CHECK(world.rows.gaps[0].why == "tampering: what");
    }
}

TEST_CASE("a later word on the same is the same row, another kind is another") {
    World world;
    tampered(world, 510, 100, 512, model::Weakness::rules_removed);
    tampered(world, 510, 100, 900, model::Weakness::rules_removed, 4);
    world.save_and_restore();
    tampered(world, 510, 100, 0, model::Weakness::rules_removed, 5);
    tampered(world, 510, 100, 520, model::Weakness::disabled);
    const auto all = told(world);
    REQUIRE(all.size() == 2);
    CHECK(all[0].times == 5);
    CHECK(all[0].to_ns == 0);
    CHECK(world.rows.gaps.size() == 2);
}

TEST_CASE("changes of another kind, refused ones, our own rules put back, and those of another time are not the deed") {
    World world;
    change(world, 50, 6, 61, What::rule_removed, "lineage");
    change(world, 500, 7, 62, What::rule_added, "lineage");
    change(world, 500, 8, 63, What::rule_removed, "other");
    change(world, 500, 9, 64, What::rule_removed, "lineage", 4, false);
    change(world, 500, 12, 40, What::rule_removed, "lineage");  // the recorder itself
    change(world, 520, 10, 0, What::rule_removed, "lineage");
    tampered(world, 510, 100, 530, model::Weakness::rules_removed);
    CHECK(told(world)[0].by == 0);
    change(world, 505, 11, 65, What::rule_removed, "lineage");
    CHECK(told(world)[0].pid == 65);
}

TEST_CASE(
    "without a name in the record, or any record, the one that was about audit then did it, if it was one alone") {
    World world;
    named(world, 70, "auditctl");
    named(world, 71, "sleep");
    change(world, 505, 11, 0, What::rule_added, "", 4);
    tampered(world, 510, 100, 512, model::Weakness::rules_outranked);
    tampered(world, 510, 100, 512, model::Weakness::rate_limit);
    CHECK(told(world)[0].by == 0);
    world.seen(4000, 0, 71, 50);
    world.exit(4000, 5000, 71, 50, 0);
    const auto all = told(world);
    CHECK(all[0].pid == 70);
    CHECK(all[0].inferred);
    CHECK(all[0].from_ns == start + 505 * ms);
    CHECK(all[1].pid == 70);
    CHECK(all[1].from_ns == start + 100 * ms);
}

TEST_CASE("of two that were about audit neither is named; what one did meanwhile for sure names it") {
    World world;
    named(world, 70, "auditctl");
    named(world, 71, "augenrules");
    tampered(world, 510, 100, 512, model::Weakness::rules_removed);
    world.tracker.finish();
    CHECK(told(world)[0].by == 0);

    World other;
    named(other, 70, "auditctl");
    named(other, 71, "augenrules");
    change(other, 500, 7, 71, What::setting, "audit_enabled");
    tampered(other, 510, 100, 512, model::Weakness::disabled);
    tampered(other, 510, 100, 512, model::Weakness::rules_removed);
    other.tracker.finish();
    CHECK(told(other)[0].pid == 71);
    CHECK_FALSE(told(other)[0].inferred);
    CHECK(told(other)[1].pid == 71);
    CHECK(told(other)[1].inferred);
}

TEST_CASE("a child of the one that was about audit, which has only its name, makes it no less alone") {
    World world;
    named(world, 70, "auditctl");
    world.born(505, 70, 72, 72);
    tampered(world, 510, 100, 512, model::Weakness::rules_removed);
    world.tracker.finish();
    CHECK(world.one(72).comm == "auditctl");
    CHECK(told(world)[0].pid == 70);
}

TEST_CASE("the deed's record comes after somebody has been guessed, and is believed") {
    World world;
    named(world, 70, "auditctl");
    tampered(world, 510, 100, 512, model::Weakness::lost_reset);
    world.born(5000, 1, 90, 90);  // no record can come any more, one should think
    CHECK(told(world)[0].pid == 70);
    CHECK(told(world)[0].inferred);
    change(world, 505, 7, 60, What::setting, "lost");
    CHECK(told(world)[0].pid == 60);
    CHECK_FALSE(told(world)[0].inferred);
}

TEST_CASE("what somebody undid himself before capture looked stands in the records, is told once and alarmed about") {
    World world;
    looked(world, 1, 2);
    change(world, 500, 7, 60, What::setting, "audit_enabled", 0, true, 0);
    named(world, 71, "later");
    change(world, 600, 8, 60, What::rule_added, "", 4);
    change(world, 610, 9, 60, What::rule_removed, "", 4);
    for (std::int64_t i = 0; i < 3; ++i) change(world, 700 + i, 10 + i, 60, What::rule_removed, "lineage");
    world.save_and_restore();
    for (std::int64_t i = 0; i < 3; ++i) change(world, 710 + i, 13 + i, 60, What::rule_added, "lineage");
    CHECK(told(world).empty());
    world.seen(4000, 0, 72, 50);
    change(world, 4000, 20, 72, What::other, "");
    const auto all = told(world);
    REQUIRE(all.size() == 3);
    for (const auto& one : all) {
        CHECK(one.pid == 60);
        CHECK(one.by == world.one(60).id);
        CHECK(one.times == 1);
    }
    CHECK(all[0].what == "audit enabled 1 -> 0 for a while");
    CHECK(all[0].from_ns == start + 500 * ms);
    CHECK(all[0].to_ns == start + 600 * ms);
    CHECK(all[1].what == "an unknown rule in the exit list for a while");
    CHECK(all[1].to_ns == start + 613 * ms);  // when its record was there
    CHECK(all[2].what == "rules of ours missing for a while");
    CHECK(all[2].from_ns == start + 700 * ms);
    CHECK(all[2].to_ns == start + 715 * ms);
    CHECK(world.rows.gaps.size() == 3);
    CHECK(world.tracker.take_alarms().size() == 3);
    change(world, 8000, 30, 72, What::other, "");
    CHECK(told(world).size() == 3);
}

TEST_CASE("what was done before there was a recording is told only where our rules had been in force") {
    for (const bool was_in_force : {true, false}) {
        World world;
        world.say(model::AuditUp{true, was_in_force});
        looked(world, 1, 2);
        world.save_and_restore();
        change(world, -500, 7, 60, What::setting, "audit_enabled", 0, true, 0);
        change(world, 100, 8, 72, What::other, "");
        change(world, 4000, 20, 72, What::other, "");
        CHECK(told(world).size() == (was_in_force ? 1 : 0));
        CHECK(world.rows.gaps.size() == told(world).size());
    }
}

TEST_CASE(
    "what capture told, what was there for a look, what is not undone and what is ours is not told from records") {
    World world;
    change(world, 500, 7, 60, What::rule_removed, "lineage");
    tampered(world, 510, 100, 512, model::Weakness::rules_removed);
    change(world, 511, 8, 0, What::rule_added, "lineage");
    change(world, 600, 9, 60, What::rule_added, "watch", 4);
    change(world, 601, 21, 60, What::rule_added, "", 1);
    change(world, 602, 22, 60, What::rule_removed, "lineage");  // another's with our key
    looked(world, 620, 630);
    change(world, 640, 10, 60, What::rule_removed, "watch", 4);
    change(world, 641, 23, 60, What::rule_removed, "", 1);
    change(world, 642, 24, 60, What::rule_added, "lineage");
    looked(world, 660, 670);
    change(world, 5100, 11, 60, What::rule_added, "", 5);
    change(world, 6000, 12, 0, What::rule_removed, "lineage");
    change(world, 6001, 13, 0, What::rule_added, "lineage");
    change(world, 9000, 20, 72, What::other, "");
    const auto all = told(world);
    REQUIRE(all.size() == 1);
    CHECK(all[0].what == "what");
    CHECK(world.tracker.take_alarms().empty());
}

TEST_CASE("our key hides no deed, unless it may be our own") {
    World world;
    looked(world, 1, 2);
    change(world, 600, 9, 60, What::rule_added, "lineage", 1);
    change(world, 610, 10, 60, What::rule_removed, "lineage", 1);
    change(world, 620, 11, 0, What::rule_added, "lineage");
    change(world, 630, 12, 0, What::rule_removed, "lineage");
    change(world, 4000, 20, 72, What::other, "");
    const auto all = told(world);
    REQUIRE_FALSE(all.empty());
    CHECK(all[0].what == "an unknown rule in the task list for a while");
    for (const auto& one : all) CHECK(one.pid == 60);
}

TEST_CASE("a rule under our key that hides who adds it is told when a stranger removes it before anybody has looked") {
    World world;
    looked(world, 1, 2);
    change(world, 620, 11, 0, What::rule_added, "lineage");
    change(world, 630, 12, 60, What::rule_removed, "lineage");
    change(world, 640, 13, 0, What::rule_added, "lineage", 5);
    world.save_and_restore();
    change(world, 650, 14, 60, What::rule_removed, "lineage", 5);
    change(world, 4000, 20, 72, What::other, "");
    auto all = told(world);
    REQUIRE(all.size() == 2);
    CHECK(all[0].what == "an unknown rule in the exit list for a while");
    CHECK(all[1].what == "an unknown rule that drops records, for a while");
    for (const auto& one : all) {
        CHECK(one.pid == 60);
        CHECK(one.by == world.one(60).id);
        CHECK(one.auid == 1000);
        CHECK(one.inferred);
    }
    CHECK(all[0].from_ns == start + 620 * ms);
    CHECK(all[0].to_ns >= start + 630 * ms);
    // It was his own rule that he removed, and no rule of ours is put back later.
    change(world, 8000, 30, 0, What::rule_added, "lineage");
    change(world, 12'000, 40, 72, What::other, "");
    CHECK(told(world).size() == 2);
}

TEST_CASE("what we have added ourselves is no deed, whoever removes it: at first, or after rules were missing") {
    World world;
    world.say(model::AuditUp{true, false, start, 40});
    change(world, 1, 1, 0, What::rule_added, "lineage");
    change(world, 2, 2, 60, What::rule_removed, "lineage");
    looked(world, 5, 6);
    tampered(world, 6, 1, 9, model::Weakness::rules_removed);
    tampered(world, 510, 500, 700, model::Weakness::rules_removed, 2);
    change(world, 502, 3, 60, What::rule_removed, "lineage");
    change(world, 511, 4, 0, What::rule_added, "lineage");
    change(world, 515, 5, 60, What::rule_removed, "lineage");
    change(world, 1000, 6, 0, What::rule_added, "lineage");
    looked(world, 1004, 1005);
    change(world, 1500, 7, 60, What::rule_removed, "lineage");
    tampered(world, 1510, 1005, 1520, model::Weakness::rules_removed);
    change(world, 2000, 8, 0, What::rule_added, "lineage");
    change(world, 2001, 9, 0, What::rule_removed, "lineage");
    change(world, 2002, 10, 40, What::rule_removed, "lineage");
    change(world, 6000, 20, 72, What::other, "");
    for (const auto& one : told(world)) CHECK(one.what == "what");
}

TEST_CASE("a look that finds audit switched on again has not seen that it was off") {
    for (const bool found : {true, false}) {
        World world;
        looked(world, 1, 2);
        change(world, 500, 7, 60, What::setting, "audit_enabled", 0, true, 0);
        if (found) tampered(world, 504, 400, 506, model::Weakness::disabled);
        looked(world, 504, 505);
        change(world, 2000, 8, 72, What::other, "");
        change(world, 6000, 20, 72, What::other, "");
        const auto all = told(world);
        REQUIRE(all.size() == 1);
        CHECK(all[0].what == (found ? "what" : "audit enabled 1 -> 0 for a while"));
        CHECK(all[0].to_ns == start + (found ? 506 : 505) * ms);
    }
}

TEST_CASE("a look from before the deed, or after its end, is none at it; who never looks tells nothing of rules") {
    for (const bool looks : {true, false}) {
        World world;
        if (looks) looked(world, 599, 620);
        change(world, 600, 9, 60, What::rule_added, "", 1);
        change(world, 640, 10, 60, What::rule_removed, "", 1);
        if (looks) looked(world, 630, 641);
        change(world, 4000, 20, 72, What::other, "");
        CHECK(told(world).size() == (looks ? 1 : 0));
    }
}

TEST_CASE("a rule that the look behind its record found harmless is removed much later: that is no tampering") {
    for (const model::TimeNs asked_ms : {602, 603}) {  // its record came at 603
        World world;
        looked(world, 1, 2);
        change(world, 600, 9, 60, What::rule_added, "watch");
        looked(world, asked_ms, 606);
        change(world, 608, 10, 60, What::rule_removed, "watch");
        change(world, 700, 11, 60, What::rule_added, "", 1);
        for (model::TimeNs i = 0; i < 200; ++i) looked(world, asked_ms + 101 + 10 * i, 706 + 10 * i);
        world.save_and_restore();
        change(world, 40'000, 12, 60, What::rule_removed, "", 1);
        change(world, 44'000, 20, 72, What::other, "");
        const auto all = told(world);
        CHECK(all.size() == (asked_ms == 602 ? 1 : 0));
        if (asked_ms == 602) CHECK(all[0].what == "an unknown rule in the exit list for a while");
    }
}

TEST_CASE("a rule of others that was there before the recording, and at its first look, is harmless") {
    World world;
    world.say(model::AuditUp{true, true});
    change(world, -500, 7, 60, What::rule_added, "watch");
    looked(world, 10, 11);
    change(world, 40'000, 8, 60, What::rule_removed, "watch");
    change(world, 44'000, 20, 72, What::other, "");
    CHECK(told(world).empty());
}

TEST_CASE("what the recorder does is no deed, and what one had found that died is over at the next one's look") {
    World world;
    world.say(model::AuditUp{true, true, start, 40});
    looked(world, 1, 2);
    tampered(world, 510, 100, 0, model::Weakness::backlog_limit);
    world.say(model::Resumed{start + 600 * ms, 41});
    world.save_and_restore();
    for (const model::Pid pid : {41, 60}) {
        change(world, 620, 9, pid, What::rule_removed, "lineage");
        change(world, 630, 10, pid, What::rule_added, "lineage");
        change(world, 640, 11, pid, What::rule_removed, "");
    }
    looked(world, 690, 700);
    change(world, 4000, 20, 72, What::other, "");
    const auto all = told(world);
    REQUIRE(all.size() == 2);
    CHECK(all[0].what == "what");
    CHECK(all[0].to_ns == start + 700 * ms);
    CHECK(all[1].what == "rules of ours missing for a while");
    CHECK(all[1].pid == 60);
}

TEST_CASE("a recorder that was killed is missed since audit's last word, or since there was nothing to say") {
    for (const bool idle : {true, false}) {
        World world;
        world.connector();
        world.say(model::AuditUp{true, false, start, 40});
        world.exec(100, 1, 60, 50, "spoke");
        if (idle) world.say(model::Idle{start + 300 * ms});
        world.born(400, 1, 70, 70);
        model::BootBegan again;
        again.name = "boot";
        again.started_ns = start;
        again.time_ns = start + 900 * ms;
        world.say(again);
        told(world);
        REQUIRE(world.rows.gaps.size() == 1);
        CHECK(world.rows.gaps[0].why == "lineaged was not running");
        CHECK(world.rows.gaps[0].from_ns == start + (idle ? 300 : 100) * ms);
    }
}

TEST_CASE(
    "what a call undoes that had to wait is undone when its record is there, and what was done meanwhile is told") {
    World world;
    looked(world, 1, 2);
    change(world, 600, 9, 60, What::rule_added, "", 1);
    change(world, 610, 10, 60, What::rule_removed, "", 1, true, 0, 300);
    change(world, 900, 11, 60, What::rule_added, "", 1);
    change(world, 905, 12, 60, What::rule_removed, "", 1, true, 0, 200);
    change(world, 2000, 13, 60, What::setting, "audit_enabled", 0, true, 0, 200);
    change(world, 2100, 14, 72, What::other, "");  // under way before audit was off
    change(world, 2300, 15, 72, What::other, "");
    change(world, 9000, 20, 72, What::other, "");
    const auto all = told(world);
    REQUIRE(all.size() == 2);
    CHECK(all[0].times == 2);
    CHECK(all[0].from_ns == start + 600 * ms);
    CHECK(all[0].to_ns == start + 1105 * ms);
    CHECK(all[1].from_ns == start + 2000 * ms);
    CHECK(all[1].to_ns == start + 2300 * ms);
}

TEST_CASE("a later change of that kind neither names nor shortens what went before") {
    World world;
    world.say(model::AuditUp{true, true, start, 40});
    looked(world, 1, 2);
    change(world, 500, 7, 0, What::rule_added, "");
    change(world, 520, 8, 0, What::rule_removed, "");
    change(world, 3000, 9, 61, What::rule_added, "watch");
    looked(world, 3004, 3005);
    change(world, 3500, 10, 40, What::rule_added, "lineage");
    change(world, 6000, 11, 0, What::rule_added, "");
    change(world, 6020, 12, 0, What::rule_removed, "");
    change(world, 9000, 20, 72, What::other, "");
    const auto all = told(world);
    REQUIRE(all.size() == 1);
    CHECK(all[0].times == 2);
    CHECK(all[0].by == 0);
    CHECK(all[0].from_ns == start + 500 * ms);
    CHECK(all[0].to_ns == start + 6023 * ms);

    for (const std::int64_t times : {1, 2}) {
        World other;
        tampered(other, 510, 100, 700, model::Weakness::rules_outranked, times);
        change(other, 600, 7, 61, What::rule_added, "watch");
        CHECK(told(other)[0].pid == (times == 1 ? 0 : 61));  // it was done again
        CHECK(told(other)[0].from_ns == start + 100 * ms);
    }
}

TEST_CASE("a flood of changes is no place to hide one") {
    World world;
    looked(world, 1, 2);
    change(world, 500, 7, 60, What::setting, "audit_enabled", 0, true, 0);
    change(world, 510, 8, 60, What::setting, "audit_backlog_wait_time");
    change(world, 520, 9, 60, What::rule_added, "", 1);
    for (std::int64_t i = 0; i < 3000; ++i) change(world, 521, 10 + i, 60, What::setting, "audit_backlog_wait_time");
    change(world, 530, 5000, 60, What::rule_removed, "", 1);
    for (std::int64_t i = 0; i < 9000; ++i) change(world, 531, 5001 + i, 60, What::setting, "audit_backlog_wait_time");
    change(world, 9000, 20'000, 72, What::other, "");
    const auto all = told(world);
    REQUIRE(all.size() == 2);
    CHECK(all[0].what == "audit enabled 1 -> 0 for a while");
    CHECK(all[1].what == "an unknown rule in the task list for a while");
    for (const auto& one : all) CHECK(one.times == 1);
}

TEST_CASE("who does it again and again makes one record with a count") {
    World world;
    looked(world, 1, 2);
    for (std::int64_t i = 0; i < 50; ++i) {
        change(world, 1000 + 100 * i, 100 + 2 * i, 60, What::rule_added, "", 1);
        change(world, 1010 + 100 * i, 101 + 2 * i, 60, What::rule_removed, "", 1);
    }
    change(world, 12'000, 300, 72, What::other, "");
    const auto all = told(world);
    REQUIRE(all.size() == 1);
    CHECK(all[0].times == 50);
    CHECK(all[0].to_ns == start + 5913 * ms);
    CHECK(world.tracker.take_alarms().size() == 1);
}

TEST_CASE("two that do the same soon after one another are two deeds, each with its own name and time") {
    World world;
    looked(world, 1, 2);
    for (const model::Pid pid : {60, 61}) {
        const model::TimeNs at_ms = 1000 + 5000 * (pid - 60);
        change(world, at_ms, 100 + 2 * pid, pid, What::rule_added, "", 1);
        change(world, at_ms + 10, 101 + 2 * pid, pid, What::rule_removed, "", 1);
    }
    change(world, 12'000, 300, 72, What::other, "");
    const auto all = told(world);
    REQUIRE(all.size() == 2);
    CHECK(all[0].pid == 60);
    CHECK(all[0].to_ns == start + 1013 * ms);
    CHECK(all[1].pid == 61);
    CHECK(all[1].from_ns == start + 6000 * ms);
    CHECK(all[1].times == 1);
    CHECK(world.tracker.take_alarms().size() == 1);
}

TEST_CASE(
    "an exclude that drops the record of its own making is told by its removal, one that others account for is not") {
    struct {
        bool has_record;
        std::int64_t before;
        std::int64_t behind;
        model::TimeNs from_ms;
    } const cases[] = {{false, 1, 1, 500},  // made unseen
                       {true, 1, 1, 990},   // made seen: a short one like any other
                       {false, 2, 1, 0}};   // had been there
    for (const auto& one : cases) {
        World world;
        looked(world, 1, 2);
        if (one.has_record) change(world, 990, 99, 60, What::rule_added, "", 5);
        change(world, 1000, 100, 60, What::rule_removed, "", 5);
        looked(world, 1010, 1015, one.behind, {start + 500 * ms, start + 505 * ms, one.before});
        world.save_and_restore();
        change(world, 8000, 300, 72, What::other, "");
        const auto all = told(world);
        REQUIRE(all.size() == (one.from_ms == 0 ? 0 : 1));
        if (one.from_ms == 0) continue;
        CHECK(all[0].times == 1);
        CHECK(all[0].pid == 60);
        CHECK(all[0].what == "an unknown rule that drops records, for a while");
        CHECK(all[0].from_ns == start + one.from_ms * ms);
        CHECK(all[0].to_ns == start + 1003 * ms);
    }
}

TEST_CASE(
    "by its record, that the count of lost records was set back is told since the look before it, but for nothing") {
    for (const std::int64_t lost : {812, 0}) {
        World world;
        looked(world, 1, 2);
        model::AuditConfigChange set;
        set.task = World::task(1000, 100, 60, 50);
        set.what = What::setting;
        set.name = "lost";
        set.old = lost;
        set.success = true;
        set.received_ns = set.task.time_ns + 3 * ms;
        world.say(std::move(set));
        looked(world, 1001, 1002, 0, {start + 500 * ms, start + 505 * ms, 0});  // asked for before the record came
        looked(world, 1010, 1015, 0, {start + 1001 * ms, start + 1002 * ms, 0});
        world.save_and_restore();
        change(world, 8000, 300, 72, What::other, "");
        const auto all = told(world);
        REQUIRE(all.size() == (lost == 0 ? 0 : 1));
        if (lost == 0) continue;
        CHECK(all[0].what == "count of lost records 812 -> 0");
        CHECK(all[0].pid == 60);
        CHECK(all[0].from_ns == start + 500 * ms);
        CHECK(all[0].to_ns == start + 1003 * ms);
    }
}

TEST_CASE("whoever took our registration is named by it") {
    World world;
    named(world, 70, "thief");
    tampered(world, 510, 100, 512, model::Weakness::registration, 1, 70);
    CHECK(told(world)[0].pid == 70);
    CHECK(told(world)[0].by == world.one(70).id);
    CHECK_FALSE(told(world)[0].inferred);
}
