// Goal: each rule of the tracker's on its own; tests/sim has them all at once.
// Method: a few observations by hand, times in milliseconds, and what the sink was told.
#include "lineage/tree/tracker.hpp"

#include <doctest/doctest.h>
#include <sched.h>

#include <map>

namespace {

using namespace lineage;
using model::Witness;

constexpr model::TimeNs ms = 1'000'000;
constexpr model::TimeNs start = 1'000'000'000 * ms;

struct Rows final : tree::ChangeSink {
    std::map<model::Id, model::Process> processes;
    std::map<std::pair<model::Id, int>, model::Image> images;
    std::vector<model::Gap> gaps;
    void boot(const model::Boot&) override {}
    void process(const model::Process& process) override { processes[process.id] = process; }
    void image(model::Id owner, const model::Image& image) override { images[{owner, image.seq}] = image; }
    void images_end(model::Id owner, std::int32_t seq) override {
        images.erase(images.lower_bound({owner, seq}), images.upper_bound({owner, INT32_MAX}));
    }
    void removed(model::Id process) override { processes.erase(process); }
    void gap(const model::Gap& gap) override { gaps.push_back(gap); }
};

class World {
public:
    World() {
        model::BootBegan boot;
        boot.name = "boot";
        boot.started_ns = start;
        say(boot);
    }
    template <class Fact>
    void say(Fact fact) {
        tracker.observe(model::Observation(std::move(fact)));
    }
    static model::AuditHeader task(model::TimeNs at_ms, std::int64_t serial, model::Pid pid, model::Pid ppid,
                                   std::uint32_t uid = 0) {
        model::AuditHeader header;
        header.time_ns = start + at_ms * ms;
        header.serial = serial;
        header.pid = pid;
        header.ppid = ppid;
        header.credentials = model::Credentials{uid, 0, uid, 0, 1000, 1, ""};
        header.comm = "c";
        header.exe = "/bin/c";
        return header;
    }
    void fork(model::TimeNs at_ms, std::int64_t serial, model::Pid pid, model::Pid ppid, model::Pid returned,
              model::How how = model::How::fork, std::optional<std::uint64_t> flags = {}) {
        say(model::AuditFork{task(at_ms, serial, pid, ppid), how, returned, flags});
    }
    void exec(model::TimeNs at_ms, std::int64_t serial, model::Pid pid, model::Pid ppid, const std::string& name) {
        say(model::AuditExec{task(at_ms, serial, pid, ppid), true, 0, {name}, "/", "/bin/c"});
    }
    void exit(model::TimeNs at_ms, std::int64_t serial, model::Pid pid, model::Pid ppid, int code, bool group = true) {
        say(model::AuditExit{task(at_ms, serial, pid, ppid), code, group});
    }
    void connector() { say(model::ConnectorUp{start}); }
    void born(model::TimeNs at_ms, model::Pid parent, model::Pid tid, model::Pid tgid) {
        say(model::ConnectorFork{start + at_ms * ms, parent, tid, tgid});
    }
    void gone(model::TimeNs at_ms, model::Pid tid, model::Pid tgid, std::uint32_t status) {
        say(model::ConnectorExit{start + at_ms * ms, tid, tgid, status, 1});
    }
    /// The pid's lives, oldest first.
    std::vector<model::Process> lives(model::Pid pid) {
        tracker.take_changes(rows);
        std::vector<model::Process> found;
        for (const auto& [id, process] : rows.processes)
            if (process.pid == pid) found.push_back(process);
        std::sort(found.begin(), found.end(),
                  [](const auto& a, const auto& b) { return a.born.time_ns < b.born.time_ns; });
        return found;
    }
    model::Process one(model::Pid pid) {
        const auto found = lives(pid);
        REQUIRE(found.size() == 1);
        return found.front();
    }
    model::Pid parent_of(const model::Process& process) { return rows.processes.at(process.parent).pid; }
    std::string runs(const model::Process& process) {
        const auto image = rows.images.find({process.image_owner, process.image_seq});
        return image == rows.images.end() || image->second.argv.empty() ? "" : image->second.argv.front();
    }

    tree::Tracker tracker;
    Rows rows;
};

}  // namespace

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
    w.exec(60, 3, 100, 50, "alive");
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
    w.tracker.take_changes(w.rows);
    std::string saved;
    w.tracker.save(saved);
    tree::Tracker other;
    REQUIRE(other.restore(saved));
    w.tracker = std::move(other);
    w.gone(9, 50, 50, 5U << 8);
    CHECK(w.one(50).ended->code == 5);
    CHECK_FALSE(tree::Tracker().restore("nonsense").has_value());
}

TEST_CASE("what was lost is a gap") {
    World w;
    w.say(model::Lost{Witness::audit, start + 5 * ms, start + 6 * ms, 3, "why"});
    w.tracker.take_changes(w.rows);
    REQUIRE(w.rows.gaps.size() == 1);
    CHECK(w.rows.gaps[0].lost == 3);
}
