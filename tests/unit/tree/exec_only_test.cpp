// Goal: where nothing but execs is recorded, a pid that is used again is told from one process that execs again, as far
// as its records tell. Method: a few execs by hand; the session is 1 unless said otherwise.
#include "world.hpp"

using namespace lineage;
using namespace lineage::tree::test;

namespace {

struct Host : World {
    /// A login shell of session `ses`.
    void exec_in(model::TimeNs at_ms, std::int64_t serial, model::Pid pid, model::Pid ppid, std::uint32_t ses) {
        auto header = task(at_ms, serial, pid, ppid);
        header.credentials->ses = ses;
        say(model::AuditExec{header, true, 0, {"x"}, "/", "/bin/c"});
    }
    Host() {
        exec(1, 1, 50, 1, "sshd");
        exec(2, 2, 100, 50, "bash");
        exec(3, 3, 200, 100, "env");
    }
};

}  // namespace

TEST_CASE("the same process execs again, also when its parent has died") {
    Host w;
    w.exec(4, 4, 200, 100, "tool");
    w.exec(5, 5, 200, 1, "tool again");
    w.exec(6, 6, 200, 50, "adopted by an ancestor");
    CHECK(w.one(200).inferred == model::Inferred::parent_from_ppid);
    CHECK(w.parent_of(w.one(200)) == 100);
}

TEST_CASE("a parent that can have adopted nobody is another life's") {
    Host w;
    w.exec(4, 4, 110, 50, "other shell");
    w.exec(5, 5, 200, 110, "tool");
    const auto lives = w.lives(200);
    REQUIRE(lives.size() == 2);
    CHECK(w.parent_of(lives[0]) == 100);
    CHECK(w.parent_of(lives[1]) == 110);
    CHECK(lives[0].ended.has_value());
    CHECK(lives[1].inferred == model::Inferred::parent_from_ppid);
    CHECK(w.runs(lives[0]) == "env");
    CHECK(w.runs(lives[1]) == "tool");
}

TEST_CASE("another session is another life, unless a LOGIN tells of it") {
    Host w;
    SUBCASE("untold") {
        w.exec_in(4, 4, 200, 100, 2);
        CHECK(w.lives(200).size() == 2);
    }
    SUBCASE("told") {
        auto login = World::task(4, 4, 200, 100);
        login.credentials->ses = 2;
        w.say(model::AuditLogin{login, {1000, 2}});
        w.exec_in(5, 5, 200, 100, 2);
        CHECK(w.lives(200).size() == 1);
    }
}

TEST_CASE("who was named before a record of his own told his parent goes to that parent, with all below him") {
    Host w;
    const auto message = [&](model::TimeNs at_ms, std::int64_t serial, model::Pid pid) {
        model::AuditNamed named;
        named.task.time_ns = start + at_ms * ms;
        named.task.serial = serial;
        named.task.pid = pid;
        w.say(named);
    };
    SUBCASE("by a message of his own, which names no parent") {
        message(4, 4, 300);
        CHECK(w.parent_of(w.one(300)) == 1);
        CHECK(w.one(300).inferred == model::Inferred::parent_unknown);
    }
    SUBCASE("as the parent of another") {
        w.exec(4, 4, 400, 300, "of his child");
        CHECK(w.one(300).inferred == model::Inferred::named_only);
        CHECK(w.parent_of(w.one(400)) == 300);
    }
    SUBCASE("by both") {
        w.exec(4, 4, 400, 300, "of his child");
        message(5, 5, 300);
        CHECK(w.one(300).inferred == model::Inferred::parent_unknown);
    }
    SUBCASE("by a deed that tells his users and not his parent") {
        auto denied = World::task(4, 4, 300, -1);
        w.say(model::AuditStatement{denied});
    }
    w.save_and_restore();
    w.exec(6, 6, 300, 50, "his own");
    CHECK(w.parent_of(w.one(300)) == 50);
    CHECK(w.one(300).ppid == 50);
    CHECK(w.one(300).inferred == model::Inferred::parent_from_ppid);
    w.exec(7, 7, 300, 1, "adopted");
    CHECK(w.parent_of(w.one(300)) == 50);
}

TEST_CASE("he inherits from the parent that he turns out to have, and those below him likewise") {
    Host w;
    model::AuditNamed named;
    named.task.time_ns = start + 4 * ms;
    named.task.pid = 300;
    w.say(named);
    auto login = World::task(5, 5, 300, 50);
    login.credentials->ses = 7;
    w.say(model::AuditLogin{login, {1000, 7}});
    CHECK(w.runs(w.one(300)) == "sshd");
}

TEST_CASE("a circle is not made of it") {
    Host w;
    w.exec(4, 4, 400, 300, "child");
    w.exec(5, 5, 300, 400, "child of his child");
    CHECK(w.parent_of(w.one(400)) == 300);
    CHECK(w.parent_of(w.one(300)) == 1);
}
