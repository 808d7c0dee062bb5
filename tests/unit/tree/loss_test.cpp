// Goal: where a witness lost something, the others mend what they can, and no fact goes to the wrong life of a pid.
// Method: a few observations by hand, times in milliseconds, and what the sink was told.
#include "world.hpp"

using namespace lineage;
using namespace lineage::tree::test;

TEST_CASE("one loss told by the queue and by two cpus' sequences is one gap, also across a restart") {
    World w;
    w.connector();
    w.lost(10, 20, {});
    w.lost(12, 15, 7);
    w.save_and_restore();
    w.lost(20, 22, 3);
    w.lost(40, 41, 1);
    w.tracker.take_changes(w.rows);
    REQUIRE(w.rows.gaps.size() == 2);
    CHECK(w.rows.gaps[0].from_ns == start + 10 * ms);
    CHECK(w.rows.gaps[0].to_ns == start + 22 * ms);
    CHECK(w.rows.gaps[0].lost == 10);
    CHECK(w.rows.gaps[1].lost == 1);
}

TEST_CASE("after a loss /proc tells who was born and who died unseen, and audit what it knows of it") {
    World w;
    w.connector();
    w.say(model::AuditUp{});
    for (const model::Pid pid : {50, 60, 70}) w.born(1000 + pid, 1, pid, pid);
    w.exit(2000, 5, 60, 1, 9);  // the connector's word on it is awaited, and lost
    w.lost(2500, 3000, 20);
    w.say(model::SnapshotBegan{start + 3100 * ms});
    w.seen(3101, 1050, 50, 1);
    w.seen(3102, 2600, 80, 50);
    w.say(model::SnapshotEnded{start + 3100 * ms});
    CHECK_FALSE(w.one(50).ended);
    const auto told = w.one(60);
    REQUIRE(told.ended);
    CHECK(told.ended->code == 9);
    CHECK(told.ended->serial == 5);
    const auto untold = w.one(70);
    REQUIRE(untold.ended);
    CHECK_FALSE(untold.ended->code);
    CHECK_FALSE(untold.ended->signal);
    CHECK(untold.ended->witnesses == only(Witness::procfs));
    const auto unseen = w.one(80);
    CHECK(w.parent_of(unseen) == 50);
    CHECK(unseen.inferred == model::Inferred::parent_from_ppid);  // not before us: before we looked
}

TEST_CASE("/proc names a later parent than a process's own first record") {
    World w;
    w.exec(1000, 5, 80, 50, "orphan soon");
    w.seen(2000, 900, 80, 1);
    const auto orphan = w.one(80);
    CHECK(w.parent_of(orphan) == 50);
    CHECK(orphan.ppid == 1);
    CHECK(orphan.inferred == model::Inferred::parent_from_ppid);
}

TEST_CASE("a thread whose birth was lost execs: the leader's exit before it was not the end") {
    World w;
    w.connector();
    w.born(1000, 1, 50, 50);
    w.lost(1100, 1200, 1);  // a thread's birth
    w.gone(1300, 50, 50, 0);
    w.say(model::ConnectorExec{start + 1300 * ms, 50, 50});
    w.seen(1300, 1000, 50, 1);  // we asked
    w.born(1400, 50, 80, 80);
    const auto life = w.one(50);
    CHECK_FALSE(life.ended);
    CHECK(w.parent_of(w.one(80)) == 50);
}

TEST_CASE("a birth that comes after deeds is another life's") {
    World w;
    w.connector();
    w.say(model::AuditUp{});
    w.lost(900, 1100, 1);
    w.fork(1000, 1, 10, 1, 50);
    w.exec(1100, 2, 50, 10, "first");
    w.lost(1200, 1300, 1);
    w.born(1400, 20, 50, 50);
    const auto lives = w.lives(50);
    REQUIRE(lives.size() == 2);
    CHECK(lives[0].ended);
    CHECK(w.parent_of(lives[0]) == 10);
    CHECK(w.parent_of(lives[1]) == 20);
}

TEST_CASE("a record from before a birth is about the life that was there before it") {
    World w;
    w.connector();
    w.say(model::AuditUp{});
    w.lost(900, 1200, 2);
    w.born(1230, 20, 50, 50);
    w.exec(1190, 1, 50, 10, "first");
    const auto lives = w.lives(50);
    REQUIRE(lives.size() == 2);
    CHECK(w.runs(lives[0]) == "first");
    CHECK(w.runs(lives[1]) != "first");
    CHECK(lives[0].ended);
}

TEST_CASE("a thread's exit(2), then exit_group, both told after the pid was given out again") {
    World w;
    w.connector();
    w.say(model::AuditUp{});
    w.born(1000, 10, 50, 50);
    w.lost(1100, 1300, 5);
    w.born(1270, 20, 50, 50);
    w.exit(1180, 1, 50, 10, 0, false);
    w.exit(1220, 2, 50, 10, 7);
    const auto lives = w.lives(50);
    REQUIRE(lives.size() == 2);
    REQUIRE(lives[0].ended);
    CHECK(lives[0].ended->code == 7);
    CHECK_FALSE(lives[1].ended);
}

TEST_CASE("a birth in a loss that is told after the look at /proc, which did not show it: he was dead by then") {
    World w;
    w.connector();
    w.say(model::AuditUp{});
    w.born(500, 1, 10, 10);
    w.lost(900, 2000, 9);
    w.say(model::SnapshotBegan{start + 2100 * ms});
    w.seen(2101, 500, 10, 1);
    w.seen(2102, 1000, 60, 10);
    w.say(model::SnapshotEnded{start + 2100 * ms});
    w.fork(1000, 1, 10, 1, 50);
    w.fork(1001, 2, 10, 1, 60);
    w.fork(1002, 3, 10, 1, 70);
    w.exec(1010, 4, 50, 10, "killed");
    w.exec(1012, 5, 70, 10, "ended");
    w.exit(1015, 6, 70, 10, 4);
    const auto killed = w.one(50);
    CHECK(w.runs(killed) == "killed");
    REQUIRE(killed.ended);
    CHECK(killed.ended->time_ns == start + 2100 * ms);
    CHECK_FALSE(killed.ended->code);
    CHECK_FALSE(w.one(60).ended);
    CHECK(w.one(60).inferred == model::Inferred::no);
    CHECK(w.one(70).ended->code == 4);
}

TEST_CASE("a fork that returns the pid of the caller's own parent returned another namespace's number") {
    World w;
    w.fork(1000, 1, 50, 40, 40, model::How::clone, 17);
    const auto caller = w.one(50);
    CHECK(w.parent_of(caller) == 40);
    CHECK(w.parent_of(w.one(40)) == 1);
}

TEST_CASE("init is one life, however early it was named") {
    World w;
    w.connector();
    w.gone(300, 77, 77, 0);  // of someone nobody knows: it hangs under init for want of better
    w.seen(400, 240, 1, 0);
    CHECK(w.lives(1).size() == 1);
}

TEST_CASE("who spoke while /proc was being read has its arguments all the same, and so have its children") {
    World w;
    w.connector();
    w.say(model::AuditUp{});
    w.born(1000, 50, 60, 60);  // 50 has not been read yet
    w.fork(1000, 1, 50, 40, 60);
    model::Seen seen;
    seen.read_ns = start + 1010 * ms;
    seen.started_ns = start + 5 * ms;
    seen.pid = 50;
    seen.ppid = 40;
    seen.comm = "c";
    seen.exe = "/bin/c";
    seen.argv = {"c", "of long ago"};
    seen.cwd = "/there";
    w.say(seen);
    const auto shell = w.one(50);
    const auto image = w.rows.images.at({shell.id, 0});
    CHECK(image.argv == seen.argv);
    CHECK(image.time_ns == seen.started_ns);
    CHECK(w.one(60).image_owner == shell.id);
    CHECK(w.one(60).comm == "c");
}

TEST_CASE("... also where the record came before the look at /proc; a pid of another parent is used again") {
    World w;
    w.say(model::AuditUp{});
    w.fork(340, 1, 10, 1, 80);
    w.fork(341, 2, 10, 1, 90);
    w.say(model::SnapshotBegan{start + 900 * ms});
    w.seen(900, 300, 10, 1);
    w.seen(901, 393, 80, 10);  // 53 ms later than the record says
    w.seen(902, 394, 90, 1);
    w.say(model::SnapshotEnded{start + 900 * ms});
    w.seen(1500, 393, 80, 10);  // once more
    CHECK(w.one(80).born.serial == 1);
    CHECK(w.rows.processes.size() == 6);  // 0, 1, 10, 80, and two that were called 90
}

TEST_CASE("a starved machine's clock ticks late: stamps from before a birth are still the newborn's") {
    World w;
    w.say(model::SnapshotBegan{start + 900 * ms});
    w.seen(900, 500, 10, 1);
    w.seen(901, 830, 80, 10);
    w.say(model::SnapshotEnded{start + 900 * ms});
    w.say(model::ConnectorUp{start + 850 * ms});
    w.say(model::AuditUp{});
    w.fork(740, 1, 10, 1, 80);  // 90 ms before the start that /proc tells, queued from before the recorder
    CHECK(w.one(80).born.how == model::How::fork);
    w.born(1400, 10, 50, 50);
    w.exec(1040, 2, 50, 10, "shell");  // 360 ms before its birth
    CHECK(w.runs(w.one(50)) == "shell");
}

TEST_CASE("... also of one who seemed to end by exit(2) since: lives of a pid do not overlap") {
    World w;
    w.say(model::AuditUp{});
    w.fork(100, 1, 1, 0, 50);
    w.exec(110, 2, 50, 1, "journal");
    w.exit(700, 3, 50, 1, 0, false);  // a thread's
    w.fork(100, 4, 1, 0, 60);
    w.exit(130, 5, 60, 1, 0);
    w.say(model::SnapshotBegan{start + 900 * ms});
    w.seen(900, 160, 50, 1);
    w.seen(900, 160, 60, 1);  // the pid is another's by then
    w.say(model::SnapshotEnded{start + 900 * ms});
    CHECK_FALSE(w.one(50).ended.has_value());
    CHECK(w.one(50).inferred == model::Inferred::no);
    CHECK(w.lives(60).size() == 2);
}

TEST_CASE("init has one life a boot, however early a record of it is stamped") {
    World w;
    w.say(model::AuditUp{});
    w.say(model::SnapshotBegan{start + 900 * ms});
    w.seen(900, 600, 1, 0);
    w.say(model::SnapshotEnded{start + 900 * ms});
    w.say(model::AuditStatement{World::task(300, 1, 1, 0)});
    CHECK(w.lives(1).size() == 1);
}

TEST_CASE("what init ran when the recorder came is the last of what it had run, though told first") {
    World w;
    model::Seen seen;
    seen.read_ns = start + 900 * ms;
    seen.pid = 1;
    seen.started_ns = start;
    seen.comm = "manager";
    seen.exe = "/bin/c";
    seen.argv = {"/sbin/init"};
    w.say(seen);
    w.say(model::AuditUp{});
    w.exec(100, 1, 1, 0, "/init");  // from the queue
    w.fork(200, 2, 1, 0, 50);
    w.exec(300, 3, 1, 0, "switch_root");
    w.exec(300, 4, 1, 0, "/sbin/init");  // within the same tick
    w.fork(400, 5, 1, 0, 60);
    const auto init = w.one(1);
    CHECK(w.rows.images.size() == 3);
    CHECK(w.runs(init) == "/sbin/init");
    CHECK(init.image_seq == 2);
    CHECK(init.comm == "manager");  // by which name /proc knew it later
    CHECK(w.runs(w.one(50)) == "/init");
    CHECK(w.runs(w.one(60)) == "/sbin/init");
}
