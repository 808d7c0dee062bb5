// Goal: where nothing but execs is recorded, sessions tell lives of one pid apart, and from whom somebody descends
// whose parent no record names. Method: an ssh login by hand: sshd is 100, its child 200 logs in, 202 is that one's
// child.
#include "world.hpp"

using namespace lineage;
using namespace lineage::tree::test;

namespace {

constexpr std::uint32_t none = model::unset_uid;

struct Logins : World {
    Logins() {
        exec_in(1, 1, 1, 0, none, "init");
        exec_in(2, 2, 100, 1, none, "sshd");
    }
    void exec_in(model::TimeNs at_ms, std::int64_t serial, model::Pid pid, model::Pid ppid, std::uint32_t ses,
                 const std::string& name) {
        auto header = task(at_ms, serial, pid, ppid);
        header.credentials->ses = ses;
        if (ses == none) header.credentials->auid = none;
        say(model::AuditExec{header, true, 0, {name}, "/", "/bin/c"});
    }
    /// USER_*: the kernel says who sends it and for whose login he acts, and no more.
    void message(model::TimeNs at_ms, std::int64_t serial, model::Pid pid, std::uint32_t ses) {
        say(model::AuditNamed{named(at_ms, serial, pid, ses)});
    }
    /// As kernels write it that have no SYSCALL record of it.
    void login(model::TimeNs at_ms, std::int64_t serial, model::Pid pid, std::uint32_t before, std::uint32_t ses) {
        say(model::AuditLogin{named(at_ms, serial, pid, before), {1000, ses}});
    }
    void login_below(model::TimeNs at_ms, std::int64_t serial, model::Pid pid, model::Pid ppid, std::uint32_t ses) {
        auto header = task(at_ms, serial, pid, ppid);
        header.credentials->ses = ses;
        header.login = model::Login{none, none};
        say(model::AuditLogin{header, {1000, ses}});
    }

private:
    static model::AuditHeader named(model::TimeNs at_ms, std::int64_t serial, model::Pid pid, std::uint32_t ses) {
        model::AuditHeader header;
        header.time_ns = start + at_ms * ms;
        header.serial = serial;
        header.pid = pid;
        header.login = model::Login{ses == none ? none : 1000, ses};
        return header;
    }
};

}  // namespace

TEST_CASE("another session without a LOGIN is another life, also of one who has only sent messages") {
    Logins w;
    w.message(3, 3, 200, none);
    SUBCASE("with a LOGIN between: the same") {
        w.login(4, 4, 200, none, 3);
        w.message(5, 5, 200, 3);
        w.save_and_restore();
        w.exec_in(6, 6, 200, 100, 3, "shell");
        CHECK(w.parent_of(w.one(200)) == 100);
        CHECK(w.one(200).credentials.auid == 1000);
    }
    SUBCASE("without, from none") {
        w.exec_in(6, 6, 200, 100, 3, "job");
        REQUIRE(w.lives(200).size() == 2);
        CHECK(w.parent_of(w.lives(200).front()) == 1);
        CHECK(w.lives(200).front().credentials.ses == none);
    }
    SUBCASE("without, from one to another") {
        w.login(4, 4, 200, none, 3);
        w.exec_in(5, 5, 150, 1, none, "cron");
        w.exec_in(6, 6, 200, 150, 9, "job");
        const auto lives = w.lives(200);
        REQUIRE(lives.size() == 2);
        CHECK(w.parent_of(lives.front()) == 1);
        CHECK(lives.front().ended.has_value());
        CHECK(lives.front().credentials.ses == 3);
        CHECK(w.parent_of(lives.back()) == 150);
        CHECK(w.runs(lives.back()) == "job");
    }
    SUBCASE("a LOGIN from another than it had") {
        w.login(4, 4, 200, none, 3);
        w.login(5, 5, 200, none, 4);
        CHECK(w.lives(200).size() == 2);
    }
}

TEST_CASE("who has a younger parent is another than who was seen before that one's birth") {
    Logins w;
    w.message(3, 3, 200, none);
    w.fork(50, 50, 1, 0, 150);
    w.exec_in(60, 60, 200, 150, none, "job");
    const auto lives = w.lives(200);
    REQUIRE(lives.size() == 2);
    CHECK(w.parent_of(lives.front()) == 1);
    CHECK(w.parent_of(lives.back()) == 150);
    w.exec_in(61, 61, 200, 150, none, "more of it");
    CHECK(w.lives(200).size() == 2);
}

TEST_CASE("who has a session and whose parent no record names descends from whose LOGIN began it") {
    Logins w;
    w.login_below(4, 4, 200, 100, 3);
    SUBCASE("by a message") {
        w.message(5, 5, 202, 3);
    }
    SUBCASE("by a message, known before he had it by nothing but his pid") {
        model::AuditNamed denied;
        denied.task.time_ns = start + 5 * ms;
        denied.task.pid = 202;
        w.say(denied);
        CHECK(w.parent_of(w.one(202)) == 1);
        w.save_and_restore();
        w.message(6, 6, 202, 3);
    }
    SUBCASE("by his child") {
        w.exec_in(5, 5, 203, 202, 3, "shell");
        CHECK(w.one(202).inferred == model::Inferred::named_only);
        CHECK(w.parent_of(w.one(203)) == 202);
        CHECK(w.one(203).inferred == model::Inferred::parent_from_ppid);
    }
    SUBCASE("by his child, known before by nothing but his pid") {
        model::AuditNamed denied;
        denied.task.time_ns = start + 5 * ms;
        denied.task.pid = 202;
        w.say(denied);
        w.exec_in(6, 6, 203, 202, 3, "shell");
        CHECK(w.parent_of(w.one(203)) == 202);
    }
    CHECK(w.parent_of(w.one(202)) == 200);
    CHECK(w.one(202).inferred != model::Inferred::parent_from_ppid);
    CHECK(w.one(202).credentials.ses == 3);
    CHECK(w.parent_of(w.one(200)) == 100);
    // A record of its own may yet tell better.
    w.exec_in(10, 10, 204, 200, 3, "between");
    w.exec_in(11, 11, 202, 204, 3, "itself");
    CHECK(w.parent_of(w.one(202)) == 204);
    CHECK(w.one(202).inferred == model::Inferred::parent_from_ppid);
}

TEST_CASE("a reaper is no creation parent: who opened the session must be above that") {
    Logins w;
    w.login_below(4, 4, 200, 100, 3);
    w.exec_in(5, 5, 300, 1, 3, "daemonised");
    CHECK(w.parent_of(w.one(300)) == 200);
    CHECK(w.one(300).ppid == 1);
    CHECK(w.one(300).inferred == model::Inferred::parent_unknown);
    w.exec_in(6, 6, 300, 1, 3, "again");
    w.exec_in(7, 7, 301, 300, 3, "its child");
    CHECK(w.parent_of(w.one(301)) == 300);
    CHECK(w.one(301).inferred == model::Inferred::parent_from_ppid);
    // One that nobody knows but by his pid is older than the session, by the order in which pids are given out.
    w.exec_in(7, 7, 302, 90, 3, "adopted by 90");
    CHECK(w.parent_of(w.one(90)) == 1);
    CHECK(w.parent_of(w.one(302)) == 200);
    w.exec_in(7, 7, 20, 32'000, 3, "of who had one of the last pids");
    CHECK(w.parent_of(w.one(20)) == 32'000);
    CHECK(w.parent_of(w.one(32'000)) == 200);
    // Who has a session of his own may hang anywhere.
    w.login_below(8, 8, 400, 1, 5);
    CHECK(w.parent_of(w.one(400)) == 1);
    CHECK(w.one(400).inferred == model::Inferred::parent_from_ppid);
}

TEST_CASE("a session in a session; one that nobody is known to have opened") {
    Logins w;
    w.login_below(4, 4, 200, 100, 3);
    w.login(5, 5, 210, 3, 4);
    CHECK(w.parent_of(w.one(210)) == 200);
    w.message(6, 6, 210, 4);
    CHECK(w.parent_of(w.one(210)) == 200);
    w.message(7, 7, 211, 4);
    CHECK(w.parent_of(w.one(211)) == 210);
    w.exec_in(8, 8, 213, 212, 4, "shell");
    CHECK(w.parent_of(w.one(212)) == 210);
    w.message(9, 9, 220, 77);
    CHECK(w.parent_of(w.one(220)) == 1);
}

TEST_CASE("who seemed to have a session by his child's word alone, and has not, does not descend from its opener") {
    Logins w;
    w.login_below(4, 4, 200, 100, 3);
    w.exec_in(5, 5, 300, 250, 3, "adopted by 250");
    CHECK(w.parent_of(w.one(250)) == 200);
    w.message(6, 6, 250, none);
    CHECK(w.parent_of(w.one(250)) == 1);
    CHECK(w.one(250).inferred == model::Inferred::parent_unknown);
}

TEST_CASE("of very many sessions the oldest are forgotten, and of another boot's all") {
    Logins w;
    w.login_below(4, 4, 200, 100, 3);
    SUBCASE("another boot") {
        model::BootBegan boot;
        boot.name = "next";
        boot.started_ns = boot.time_ns = start + 10 * ms;
        w.say(boot);
        w.message(20, 1, 202, 3);
        CHECK(w.parent_of(w.one(202)) != 200);
    }
    SUBCASE("many") {
        for (std::uint32_t ses = 4; ses < 20'000; ++ses)
            w.login(5, ses, 1000 + static_cast<model::Pid>(ses), none, ses);
        w.message(6, 30'000, 202, 3);
        w.message(6, 30'001, 203, 19'999);
        CHECK(w.parent_of(w.one(202)) == 1);
        CHECK(w.parent_of(w.one(203)) == 20'999);
    }
}

TEST_CASE("a parent that is named late had lived when its child was first seen, and had run nothing of later") {
    Logins w;
    w.message(3, 3, 200, 1);
    w.exec_in(100, 4, 50, 1, 1, "later");
    w.exec_in(300, 5, 150, 50, 1, "middle");
    w.save_and_restore();
    w.exec_in(400, 6, 200, 150, 1, "child");
    CHECK(w.parent_of(w.one(200)) == 150);
    CHECK(w.one(200).born.time_ns == start + 3 * ms);
    CHECK(w.one(150).born.time_ns == start + 3 * ms);
    CHECK(w.one(50).born.time_ns == start + 3 * ms);
}

TEST_CASE("a parent that is named late begins no earlier than the one before him with his pid ended") {
    Logins w;
    w.message(3, 3, 200, 1);
    w.fork(4, 4, 1, 0, 150);
    w.exit(200, 5, 150, 1, 0);
    w.exec_in(300, 6, 150, 1, 1, "middle");
    w.exec_in(400, 7, 200, 150, 1, "child");
    REQUIRE(w.lives(150).size() == 2);
    CHECK(w.lives(150)[1].born.time_ns == start + 200 * ms);
}

TEST_CASE("who turns out to be older than what its creator ran last is called as what that one ran before") {
    Logins w;
    const auto exec_as = [&](model::TimeNs at_ms, std::int64_t serial, model::Pid pid, model::Pid ppid,
                             const std::string& comm) {
        auto header = World::task(at_ms, serial, pid, ppid);
        header.comm = comm;
        w.say(model::AuditExec{header, true, 0, {comm}, "/", "/bin/c"});
    };
    w.login_below(3, 3, 300, 100, 1);
    exec_as(4, 4, 300, 100, "before");
    w.message(5, 5, 500, 1);
    exec_as(50, 6, 300, 100, "since");
    exec_as(60, 7, 500, 400, "child");
    CHECK(w.parent_of(w.one(400)) == 300);
    CHECK(w.one(400).comm == "before");
    CHECK(w.runs(w.one(400)) == "before");
}
