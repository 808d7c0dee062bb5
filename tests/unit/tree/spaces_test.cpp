// Goal: in pid namespaces, whose numbers are all that a caller is told, every child finds its creator. Method: a few
// observations by hand, times in milliseconds, and what the sink was told. 10 is a process of the initial namespace.
#include <sched.h>
#include <sys/wait.h>

#include "world.hpp"

using namespace lineage;
using namespace lineage::tree::test;
using model::How;

namespace {

constexpr std::uint64_t plain = 17;
constexpr std::uint64_t with_parent = CLONE_PARENT | 17;
constexpr std::uint64_t in_new = CLONE_NEWPID | 17;

/// 50, number 1 in a namespace of its own, and 60, its child there, number 2.
struct Inside : World {
    Inside() {
        connector();
        say(model::AuditUp{});
        born(1, 1, 10, 10);
        fork(1, 1, 1, 0, 10, How::clone, plain);
        born(10, 10, 50, 50);
        fork(10, 2, 10, 1, 50, How::clone, in_new);
        born(20, 50, 60, 60);
        fork(20, 3, 50, 10, 2, How::clone, plain);
    }
    void spoke(model::TimeNs at_ms) { say(model::AuditStatement{task(at_ms, 1000 + at_ms, 10, 1)}); }
    using Kind = model::AuditNamespaceOpened::Kind;
    void opened(model::TimeNs at_ms, std::int64_t serial, std::int32_t fd, std::uint64_t inode, Kind kind,
                model::Pid of, model::Pid by = 10) {
        say(model::AuditNamespaceOpened{task(at_ms, serial, by, 1), fd, inode, kind, of});
    }
    void joined(model::TimeNs at_ms, std::int64_t serial, std::int32_t fd, model::Pid who = 10) {
        say(model::AuditStatement{task(at_ms, serial, who, 1), false, true, false, fd});
    }
    void seen_in(model::TimeNs at_ms, model::TimeNs started_ms, model::Pid pid, model::Pid ppid, model::Pid number,
                 std::uint64_t inode, std::uint64_t of_children) {
        model::Seen seen;
        seen.read_ns = start + at_ms * ms;
        seen.started_ns = start + started_ms * ms;
        seen.pid = pid;
        seen.ppid = ppid;
        seen.comm = "c";
        seen.ns_pids = {pid};
        if (number > 0) seen.ns_pids.push_back(number);
        seen.pid_namespace = inode;
        seen.pid_namespace_of_children = of_children;
        say(seen);
    }
};

}  // namespace

TEST_CASE("clone3 with CLONE_PARENT: the number says who of the kernel parent's children bore it") {
    Inside w;
    w.born(30, 50, 61, 61);  // 60's doing, says the number
    w.born(31, 60, 62, 62);
    w.fork(30, 4, 60, 50, 3, How::clone3);
    w.fork(31, 5, 60, 50, 4, How::clone3);
    CHECK(w.parent_of(w.one(61)) == 60);
    CHECK(w.parent_of(w.one(62)) == 60);
    CHECK(w.one(62).ns_pid == 4);
}

TEST_CASE("a number that was asked for leaves the count alone, and does not take a rival's child") {
    Inside w;
    w.born(30, 50, 61, 61);
    w.born(31, 50, 62, 62);
    w.save_and_restore();
    w.fork(30, 4, 50, 10, 7000, How::clone3);           // which of the two?
    w.fork(31, 5, 60, 50, 3, How::clone, with_parent);  // this one's is a birth below 50, too
    w.save_and_restore();
    w.spoke(500);
    w.born(600, 50, 63, 63);
    CHECK(w.parent_of(w.one(61)) == 50);
    CHECK(w.one(61).ns_pid == 7000);
    CHECK(w.parent_of(w.one(62)) == 60);
    CHECK(w.one(62).ns_pid == 3);
    w.fork(600, 6, 50, 10, 4, How::clone, plain);
    CHECK(w.one(63).ns_pid == 4);
}

TEST_CASE("clone3 made a namespace and nobody said so: the first number told inside reveals it") {
    Inside w;
    w.born(30, 60, 70, 70);
    w.fork(30, 4, 60, 50, 3, How::clone3);
    w.born(40, 70, 71, 71);
    w.fork(40, 5, 70, 60, 2, How::clone, plain);
    CHECK(w.one(70).ns_pid == 1);
    CHECK(w.one(71).ns_pid == 2);
    w.born(50, 60, 72, 72);
    w.fork(50, 6, 60, 50, 5, How::clone, plain);  // 70 and 71 took 3 and 4 there
    CHECK(w.one(72).ns_pid == 5);
}

TEST_CASE("setns: /proc's inode says which namespace was joined, and counting goes on there") {
    Inside w;
    w.seen_in(25, 10, 50, 10, 1, 777, 777);
    w.say(model::AuditStatement{World::task(30, 4, 10, 1), false, true, false});
    w.born(31, 10, 80, 80);
    w.fork(31, 5, 10, 1, 80, How::clone, plain);
    w.seen_in(35, 1, 10, 1, 0, 1, 777);
    CHECK(w.one(80).ns_pid == 3);
    w.born(40, 60, 61, 61);
    w.fork(40, 6, 60, 50, 4, How::clone, plain);
    CHECK(w.one(61).ns_pid == 4);
}

TEST_CASE("setns: the open before says which namespace it was, and that clone3 had made it unseen") {
    Inside w;
    w.born(30, 10, 70, 70);
    w.fork(30, 4, 10, 1, 70, How::clone3);
    CHECK_FALSE(w.one(70).ns_pid);
    w.opened(31, 5, 3, 4026532500, Inside::Kind::pid, 70);
    CHECK(w.one(70).ns_pid == 1);
    w.save_and_restore();
    w.joined(32, 6, 3);
    w.born(33, 10, 80, 80);
    w.fork(33, 7, 10, 1, 80, How::fork);
    CHECK(w.one(80).ns_pid == 2);
    w.born(34, 10, 81, 81);  // before its own record: whoever made it bears children there by now
    CHECK(w.one(81).ns_pid == 3);
}

TEST_CASE("setns: a child has what its parent had opened, and nothing that came later") {
    Inside w;
    w.opened(25, 4, 3, 4026532500, Inside::Kind::pid, 50);
    w.born(30, 10, 80, 80);
    w.fork(30, 5, 10, 1, 80, How::fork);
    w.opened(31, 6, 3, 4026532600, Inside::Kind::other, 50);
    w.joined(32, 7, 3, 80);
    w.born(33, 80, 81, 81);
    w.fork(33, 8, 80, 10, 81, How::fork);
    CHECK(w.one(81).ns_pid == 3);  // after 50 and 60
    w.joined(34, 9, 3, 10);        // another kind of namespace
    w.born(35, 10, 82, 82);
    w.fork(35, 10, 10, 1, 82, How::fork);
    CHECK_FALSE(w.one(82).ns_pid);
}

TEST_CASE("setns from inside: whoever opens a sibling's namespace file lives in another one") {
    Inside w;
    w.born(30, 50, 70, 70);
    w.fork(30, 4, 50, 10, 3, How::clone3);
    w.opened(31, 5, 3, 4026532500, Inside::Kind::pid, 70, 60);  // by the host's /proc
    w.joined(32, 6, 3, 60);
    w.born(33, 60, 80, 80);
    w.fork(33, 7, 60, 50, 4, How::fork);
    CHECK(w.one(70).ns_pid == 1);
    CHECK(w.one(80).ns_pid == 2);
    CHECK(w.parent_of(w.one(80)) == 60);
}

TEST_CASE("clone3 made a namespace, and the first number told inside was asked for") {
    Inside w;
    w.born(30, 10, 70, 70);
    w.fork(30, 4, 10, 1, 70, How::clone3);
    w.born(31, 70, 71, 71);
    w.fork(31, 5, 70, 10, 12809, How::clone3);
    w.born(32, 71, 72, 72);
    w.fork(32, 6, 71, 70, 2, How::clone, plain);
    w.spoke(500);
    w.born(600, 1, 11, 11);
    CHECK(w.one(70).ns_pid == 1);
    CHECK(w.one(71).ns_pid == 12809);
    CHECK(w.one(72).ns_pid == 2);
}

TEST_CASE("an inode that is used again is another namespace's") {
    Inside w;
    w.seen_in(25, 10, 50, 10, 1, 777, 777);
    w.gone(26, 60, 60, SIGKILL);
    w.gone(26, 50, 50, SIGKILL);
    w.say(model::AuditStatement{World::task(30, 4, 10, 1), false, true, false});
    w.born(31, 10, 80, 80);
    w.fork(31, 5, 10, 1, 80, How::clone, plain);
    w.seen_in(35, 1, 10, 1, 0, 1, 777);
    CHECK_FALSE(w.one(80).ns_pid);
}

TEST_CASE(
    "audit alone: a pid that a kernel thread had is a process's own, but no number below those that are given out "
    "again") {
    const auto kernel_thread = [](World& w, model::Pid pid) {
        model::Seen seen;
        seen.read_ns = start;
        seen.pid = pid;
        seen.ppid = 2;
        seen.comm = "kworker/1:0";
        seen.kernel_thread = true;
        w.say(seen);
    };
    for (const bool fork_first : {true, false}) {
        World w;
        w.say(model::AuditUp{});
        kernel_thread(w, 400);
        w.exec(1000, 1, 50, 10, "caller");
        if (fork_first) w.fork(1010, 2, 50, 10, 400, How::clone, plain);
        w.exit(1020, 3, 400, 50, 73);
        if (!fork_first) w.fork(1010, 4, 50, 10, 400, How::clone, plain);
        const auto lives = w.lives(400);
        REQUIRE(lives.size() == 2);
        CHECK(lives[0].kernel_thread);
        CHECK(lives[0].ppid == 2);
        CHECK(lives[0].ended);
        CHECK(w.parent_of(lives[0]) == 2);
        CHECK(w.parent_of(lives[1]) == 50);
        CHECK_FALSE(lives[1].ns_pid);
        REQUIRE(lives[1].ended);
        CHECK(lives[1].ended->code == 73);
    }
    World w;
    w.say(model::AuditUp{});
    kernel_thread(w, 40);
    w.exec(1000, 1, 50, 10, "caller");
    w.fork(1010, 2, 50, 10, 40, How::clone, plain);
    w.exec(1020, 3, 500, 50, "child");
    CHECK_FALSE(w.one(40).ended);
    CHECK(w.one(500).ns_pid == 40);
}

TEST_CASE("audit alone: CLONE_PARENT inside a namespace is its caller's, though the child's records name another") {
    World w;
    w.say(model::AuditUp{});
    w.exec(1, 1, 50, 10, "init's parent");
    w.fork(2, 2, 50, 10, 60, How::clone, in_new);
    w.exec(3, 3, 60, 50, "init");
    w.fork(4, 4, 60, 50, 2, How::clone, plain);
    w.exec(5, 5, 61, 60, "child");
    w.fork(6, 6, 61, 60, 3, How::clone, with_parent);
    w.exec(7, 7, 62, 60, "by parent");
    CHECK(w.parent_of(w.one(61)) == 60);
    CHECK(w.parent_of(w.one(62)) == 61);
    CHECK(w.one(62).ns_pid == 3);
}
