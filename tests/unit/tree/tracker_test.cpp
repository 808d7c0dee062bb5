// Goal: each rule of the tracker's on its own; tests/sim has them all at once.
// Method: a few observations by hand, times in milliseconds, and what the sink was told.
#include <sched.h>

#include "world.hpp"

using namespace lineage;
using namespace lineage::tree::test;

TEST_CASE("a child whose records come before its parent's clone record") {
    World w;
    w.exec(10, 5, 100, 50, "child");
    w.exit(12, 6, 100, 50, 3);
    w.fork(8, 7, 50, 1, 100, model::How::vfork);
    const auto child = w.one(100);
    CHECK(w.parent_of(child) == 50);
    CHECK(child.inferred == model::Inferred::no);
    CHECK(child.born.how == model::How::vfork);
    CHECK(child.ended->code == 3);
    CHECK(w.runs(child) == "child");
}

TEST_CASE("a birth inside a known life proves that this one had ended, and takes along what happened since") {
    World w;
    w.fork(1, 1, 50, 1, 100);
    w.exec(2, 2, 100, 50, "first");  // killed at 3, which leaves no record
    w.exec(20, 3, 100, 60, "second");
    w.fork(19, 4, 60, 1, 100);
    const auto lives = w.lives(100);
    REQUIRE(lives.size() == 2);
    CHECK(w.runs(lives[0]) == "first");
    CHECK(lives[0].ended.has_value());
    CHECK_FALSE(lives[0].ended->code.has_value());
    CHECK(w.runs(lives[1]) == "second");
    CHECK(w.parent_of(lives[1]) == 60);
    CHECK_FALSE(lives[1].ended.has_value());
}

TEST_CASE("with CLONE_PARENT the creation parent is who called clone") {
    World w;
    w.connector();
    w.born(1, 1, 50, 50);
    w.born(2, 50, 60, 60);
    w.born(3, 50, 70, 70);  // the kernel's parent is the caller's
    w.fork(0, 1, 50, 1, 60, model::How::clone, 17);
    w.fork(2, 2, 60, 50, 70, model::How::clone, CLONE_PARENT | 17);
    const auto child = w.one(70);
    CHECK(w.parent_of(child) == 60);
    CHECK(child.ppid == 50);
    CHECK(child.born.witnesses == (only(Witness::audit) | Witness::connector));
}

TEST_CASE("the connector's word on the uid says nothing of the gid, which a child by CLONE_PARENT had from another") {
    World w;
    w.connector();
    w.born(1, 1, 50, 50);
    w.born(2, 50, 60, 60);
    w.ids(3, 50, true, 7);  // 60's and 70's gid is still 0
    w.born(4, 50, 70, 70);
    w.ids(5, 70, false, 8);
    w.fork(0, 1, 50, 1, 60, model::How::clone, 17);
    SUBCASE("its own record, of a coarser time, tells") {
        w.say(model::AuditStatement{World::task(4, 2, 70, 50, 8)});
    }
    SUBCASE("its creator's record tells") {
        w.fork(4, 2, 60, 50, 70, model::How::clone, CLONE_PARENT | 17);
    }
    const auto child = w.one(70);
    CHECK(child.credentials.uid == 8);
    CHECK(child.credentials.gid == 0);
}

TEST_CASE("a process ends with its last thread, and a signal ends them all") {
    World w;
    w.connector();
    w.born(1, 1, 50, 50);
    w.born(2, 1, 51, 50);
    w.gone(3, 50, 50, 7U << 8);
    CHECK_FALSE(w.one(50).ended.has_value());
    w.gone(4, 51, 50, 9);
    CHECK(w.one(50).ended->signal == 9);
    CHECK_FALSE(w.one(50).ended->code.has_value());
}

TEST_CASE("a thread that clone3 made is no child") {
    World w;
    w.connector();
    w.born(1, 1, 50, 50);
    w.born(2, 1, 51, 50);
    w.fork(1, 1, 50, 1, 51, model::How::clone3);
    CHECK(w.lives(51).empty());
}

TEST_CASE("audit alone: exit(2) is a process's end until another record shows that it lives") {
    World w;
    w.fork(1, 1, 50, 1, 100);
    w.exit(2, 2, 100, 50, 4, false);
    CHECK(w.one(100).ended->code == 4);
    CHECK(w.one(100).inferred == model::Inferred::exit_of_thread);
    SUBCASE("of its own") {
        w.exec(60, 3, 100, 50, "alive");
    }
    SUBCASE("of a child that names it") {
        w.exec(60, 3, 110, 100, "child");
        CHECK(w.parent_of(w.one(110)) == 100);
    }
    CHECK_FALSE(w.one(100).ended.has_value());
}

TEST_CASE("a child has the image that its creator ran when it was born, by serial within a tick") {
    World w;
    w.fork(1, 1, 1, 0, 50);
    w.exec(4, 2, 50, 1, "before");
    w.fork(8, 3, 50, 1, 60);
    w.exec(8, 4, 50, 1, "after");
    w.fork(8, 5, 50, 1, 61);
    CHECK(w.runs(w.one(60)) == "before");
    CHECK(w.runs(w.one(61)) == "after");
}

TEST_CASE("exit_group decides for all, also when the last to go was on its way out with a code of its own") {
    World w;
    w.connector();
    w.say(model::AuditUp{});
    w.born(1, 1, 50, 50);
    w.born(2, 1, 51, 50);
    w.exit(3, 1, 50, 1, 92);
    w.exit(3, 2, 50, 1, 0, false);
    w.gone(3, 50, 50, 92U << 8);
    w.gone(3, 51, 50, 0);
    CHECK(w.one(50).ended->code == 92);
}

TEST_CASE("in a pid namespace the returned number is not a pid") {
    World w;
    w.connector();
    w.born(1, 1, 50, 50);
    w.fork(0, 1, 1, 0, 50, model::How::clone, CLONE_NEWPID | 17);
    w.born(2, 50, 60, 60);
    w.fork(1, 2, 50, 1, 2);
    CHECK(w.one(50).ns_pid == 1);
    CHECK(w.one(60).ns_pid == 2);
    CHECK(w.lives(2).empty());
}

TEST_CASE("saved and restored between any two observations it goes on as it was") {
    World w;
    w.connector();
    w.born(1, 1, 50, 50);
    w.save_and_restore();
    w.gone(9, 50, 50, 5U << 8);
    CHECK(w.one(50).ended->code == 5);
    CHECK_FALSE(tree::Tracker().restore("nonsense").has_value());
}

TEST_CASE("a user-mode helper's first image has no record, and takes none from its next") {
    World w;
    w.connector();
    w.say(model::AuditUp{true});
    w.born(1, 2, 100, 100);
    w.exec_told(5, 100);
    w.exec_told(6, 100);
    w.save_and_restore();
    w.exec(4, 1, 100, 2, "next");  // its stamp is up to one tick early
    const auto helper = w.one(100);
    CHECK(w.rows.images.at({helper.id, 0}).argv.empty());
    CHECK(w.rows.images.at({helper.id, 1}).argv == std::vector<std::string>{"next"});
    CHECK(w.runs(helper) == "next");
}

TEST_CASE("an image whose exec no record told of is named by a later record, and by /proc for good") {
    World w;
    w.connector();
    w.born(1, 1, 100, 100);
    w.exec_told(20, 100);
    w.say(model::AuditStatement{World::task(12, 1, 100, 1), false, false, false});  // entered before that exec
    auto process = w.one(100);
    CHECK(w.rows.images.at({process.id, 0}).exe.empty());
    w.say(model::AuditStatement{World::task(24, 2, 100, 1), false, false, false});
    process = w.one(100);
    auto image = w.rows.images.at({process.id, 0});
    CHECK(image.exe == "/bin/c");
    CHECK(image.comm == "c");
    CHECK(image.argv.empty());
    CHECK(image.witnesses == (only(Witness::audit) | Witness::connector));
    CHECK(process.comm == "c");
    model::Seen seen;
    seen.read_ns = start + 30 * ms;
    seen.started_ns = start + 1 * ms;
    seen.pid = 100;
    seen.ppid = 1;
    seen.exe = "/bin/c";
    seen.argv = {"c", "x"};
    w.say(seen);
    process = w.one(100);
    CHECK(w.rows.images.at({process.id, 0}).argv == seen.argv);
    CHECK(w.rows.images.size() == 1);
}

TEST_CASE("what was lost is a gap") {
    World w;
    w.say(model::Lost{Witness::audit, start + 5 * ms, start + 6 * ms, 3, "why"});
    w.tracker.take_changes(w.rows);
    REQUIRE(w.rows.gaps.size() == 1);
    CHECK(w.rows.gaps[0].lost == 3);
}

TEST_CASE("a pid that is used again within a millisecond is another life's") {
    World w;
    w.connector();
    w.born(10, 1, 50, 50);
    const auto at = [](int us) { return start + 20 * ms + us * 1000; };
    for (const int us : {0, 50, 100}) {
        w.say(model::ConnectorFork{at(us), 50, 60, 60});
        w.say(model::ConnectorExit{at(us + 20), 60, 60, 0, 50});
    }
    CHECK(w.lives(60).size() == 3);
}
