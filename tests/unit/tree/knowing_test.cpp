// Goal: a tracker that goes on where another history ends takes over who lived then: under its id, with its birth, its
// images and its parent, and nobody is begun twice. Method: two lives by hand, then words about them.
#include "world.hpp"

using namespace lineage;
using namespace lineage::tree::test;

namespace {

const model::Boot boot = {3, "boot", "host", start, false};

model::Node life(model::Id id, model::Pid pid, model::Id parent, model::TimeNs born_ms) {
    model::Node node;
    node.process.id = id;
    node.process.boot = boot.id;
    node.process.pid = pid;
    node.process.parent = parent;
    node.process.ppid = 1;
    node.process.born = {start + born_ms * ms, 40, model::How::fork, only(Witness::audit) | Witness::connector};
    node.process.image_owner = id;
    model::Image image;
    image.time_ns = node.process.born.time_ns;
    image.exe = "/bin/of-" + std::to_string(pid);
    node.images.push_back(image);
    return node;
}

/// Another history ended with pid 50 (id 7), whose parent (id 5) is dead, and its child, pid 60 (id 9).
struct GoesOn {
    tree::Tracker tracker;
    Rows rows;
    GoesOn() {
        tracker.reserve_ids({100, 10, 0, 0, 0});
        tracker.know(boot, {life(7, 50, 5, 1000), life(9, 60, 7, 2000)});
        model::BootBegan began;
        began.name = boot.name;
        began.started_ns = began.real_minus_mono_ns = start;
        began.time_ns = start + 2500 * ms;
        say(began);
        say(model::ConnectorUp{start + 2500 * ms});
    }
    template <class Fact>
    void say(Fact fact) {
        tracker.observe(model::Observation(std::move(fact)));
    }
    std::vector<model::Process> of_pid(model::Pid pid) {
        tracker.take_changes(rows);
        std::vector<model::Process> found;
        for (const auto& [id, process] : rows.processes)
            if (process.pid == pid) found.push_back(process);
        return found;
    }
};

}  // namespace

TEST_CASE("who is known keeps id, birth, parent and images, and a later exec is the next one") {
    GoesOn world;
    world.say(model::AuditExec{World::task(3000, 90, 60, 50), true, 0, {"later"}, "/", "/bin/c"});
    REQUIRE(world.of_pid(60).size() == 1);
    const auto known = world.of_pid(60)[0];
    CHECK(known.id == 9);
    CHECK(known.parent == 7);
    CHECK(known.born.time_ns == start + 2000 * ms);
    CHECK(known.image_seq == 1);
    CHECK(world.rows.images.at({9, 0}).exe == "/bin/of-60");
    CHECK(world.rows.images.at({9, 1}).argv[0] == "later");
    CHECK(world.of_pid(50)[0].parent == 5);
}

TEST_CASE("what is known and told again is no second life") {
    GoesOn world;
    model::ConnectorFork fork;
    fork.time_ns = 2000 * ms;
    fork.parent_tgid = 50;
    fork.child_tid = fork.child_tgid = 60;
    world.say(fork);
    REQUIRE(world.of_pid(60).size() == 1);
    CHECK(world.of_pid(60)[0].id == 9);
    CHECK_FALSE(world.of_pid(60)[0].ended);
}

TEST_CASE("a parent that is lost is pid 0") {
    tree::Tracker tracker;
    tracker.reserve_ids({100, 10, 0, 0, 0});
    tracker.know(boot, {life(9, 60, 0, 2000)});
    Rows rows;
    tracker.take_changes(rows);
    REQUIRE(rows.processes.size() == 2);
    CHECK(rows.processes.at(rows.processes.at(9).parent).pid == 0);
}
