// Goal: an end by a signal names who sent it, where a record tells, and nobody else.
// Method: a few observations by hand, the death before or behind the record of the kill.
#include <csignal>

#include "world.hpp"

using namespace lineage;
using namespace lineage::tree::test;

namespace {

/// Pids 50 (killer), 60 (another), 100 and 101 (victims), all children of init, born at 1 ms.
struct Scene : World {
    Scene() {
        connector();
        for (const model::Pid pid : {50, 60, 100, 101}) born(1, 1, pid, pid);
    }
    model::Pid sender(model::Pid of) {
        const auto by = one(of).ended.value().by;
        return by == 0 ? 0 : rows.processes.at(by).pid;
    }
};

}  // namespace

TEST_CASE_FIXTURE(Scene, "the record may come before the death or behind it") {
    kill(9, 1, 50, SIGTERM, {100});
    save_and_restore();
    gone(10, 100, 100, SIGTERM);
    CHECK(sender(100) == 50);
    gone(10, 101, 101, SIGTERM);
    CHECK(sender(101) == 0);
    save_and_restore();
    kill(9, 2, 60, SIGTERM, {101});
    CHECK(sender(101) == 60);
    CHECK(sender(100) == 50);
}

TEST_CASE_FIXTURE(Scene, "one call kills several") {
    kill(9, 1, 50, SIGKILL, {100, 101, 4711});
    gone(10, 100, 100, SIGKILL);
    gone(10, 101, 101, SIGKILL);
    CHECK(sender(100) == 50);
    CHECK(sender(101) == 50);
    CHECK(lives(4711).empty());
}

TEST_CASE_FIXTURE(Scene, "another signal, an exit and a death long after have another cause") {
    kill(9, 1, 50, SIGTERM, {100, 101, 60});
    gone(10, 100, 100, SIGKILL);
    gone(10, 101, 101, 7U << 8);
    gone(30'000, 60, 60, SIGTERM);
    CHECK(sender(100) == 0);
    CHECK(sender(101) == 0);
    CHECK(sender(60) == 0);
}

TEST_CASE_FIXTURE(Scene, "the last who sent it before the death, but the first SIGKILL") {
    kill(9, 1, 50, SIGTERM, {100});
    kill(19, 2, 60, SIGTERM, {100});
    kill(20, 3, 50, SIGKILL, {101});
    kill(20, 4, 60, SIGKILL, {101});
    gone(21, 100, 100, SIGTERM);
    gone(21, 101, 101, SIGKILL);
    CHECK(sender(100) == 60);
    CHECK(sender(101) == 50);
}

TEST_CASE_FIXTURE(Scene, "who is dead dies of nothing more, nor does the next life of the pid") {
    gone(10, 100, 100, SIGTERM);
    born(90, 1, 100, 100);
    gone(95, 100, 100, SIGTERM);
    kill(50, 1, 50, SIGTERM, {100});  // a zombie was sent it
    const auto both = lives(100);
    REQUIRE(both.size() == 2);
    CHECK(both[0].ended->by == 0);
    CHECK(both[1].ended->by == 0);
}

TEST_CASE("audit alone: an abnormal end names who sent the signal") {
    World w;
    w.fork(1, 1, 50, 1, 100);
    w.kill(5, 2, 50, SIGSEGV, {100});
    w.say(model::AuditAbend{World::task(5, 3, 100, 50), SIGSEGV});
    const auto victim = w.one(100);
    CHECK(w.rows.processes.at(victim.ended->by).pid == 50);
}
