// Goal: what our own rules record is not kept a second time, everything else is, as it came and with its process.
// Method: the kernel's records written out by hand.
#include <doctest/doctest.h>
#include <libaudit.h>

#include <string>
#include <vector>

#include "lineage/audit/assembler.hpp"

namespace {

using namespace lineage;

std::string call(int number, const std::string& key) {
    return "arch=c000003e syscall=" + std::to_string(number) +
           " success=yes exit=3 a0=0 a1=0 items=0 ppid=1 pid=42 auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 "
           "sgid=0 fsgid=0 tty=pts0 ses=3 comm=\"c\" exe=\"/bin/c\" key=" +
           key;
}
enum { sys_openat = 257, sys_execve = 59 };

class Bench {
public:
    void add(std::uint16_t type, int serial, const std::string& fields) {
        assembler.record(type, "audit(1000.250:" + std::to_string(serial) + "): " + fields, 0);
    }
    std::vector<model::AuditKept> kept() {
        assembler.finish();
        std::vector<model::AuditKept> found;
        for (const auto& one : said)
            if (const auto* kept = std::get_if<model::AuditKept>(&one)) found.push_back(*kept);
        return found;
    }
    std::vector<model::Observation> said;
    audit::Assembler assembler{[this](model::Observation&& one) { said.push_back(std::move(one)); }};
};

}  // namespace

TEST_CASE("an event of our own key is not kept, an exec of no key neither, one of another key is") {
    Bench bench;
    bench.add(AUDIT_SYSCALL, 1, call(sys_execve, "\"lineage\""));
    bench.add(AUDIT_EXECVE, 1, "argc=1 a0=\"c\"");
    bench.add(AUDIT_EOE, 1, "");
    bench.add(AUDIT_SYSCALL, 2, call(sys_execve, "(null)"));
    bench.add(AUDIT_EOE, 2, "");
    bench.add(AUDIT_SYSCALL, 3, call(sys_execve, "\"T1059\""));
    bench.add(AUDIT_EXECVE, 3, "argc=1 a0=\"c\"");
    bench.add(AUDIT_EOE, 3, "");
    bench.add(AUDIT_SYSCALL, 4, call(sys_openat, "(null)"));
    bench.add(AUDIT_EOE, 4, "");
    const auto kept = bench.kept();
    REQUIRE(kept.size() == 2);
    CHECK(kept[0].event.serial == 3);
    CHECK(kept[0].event.key == "T1059");
    CHECK(kept[0].event.types == "SYSCALL EXECVE");
    CHECK(kept[0].task.pid == 42);
    CHECK(kept[0].event.time_ns == 1'000'250'000'000);
    CHECK(kept[0].event.text == "type=SYSCALL msg=audit(1000.250:3): " + call(sys_execve, "\"T1059\"") +
                                    "\ntype=EXECVE msg=audit(1000.250:3): argc=1 a0=\"c\"\n");
    CHECK(kept[1].event.serial == 4);
    CHECK(kept[1].event.key.empty());
    CHECK(bench.said.size() == 6);  // each of the four says something of the tree as well
}

TEST_CASE("a record that stands for itself keeps its whole event, also one of our key") {
    Bench bench;
    bench.add(AUDIT_AVC, 1, "avc:  denied  { read } for  pid=42 comm=\"c\"");
    bench.add(AUDIT_SYSCALL, 1, call(sys_execve, "\"lineage\""));
    bench.add(AUDIT_PATH, 1, "item=0 name=\"/etc/shadow\"");
    bench.add(AUDIT_PATH, 1, "item=1 name=\"/etc\"");
    bench.add(AUDIT_EOE, 1, "");
    const auto kept = bench.kept();
    REQUIRE(kept.size() == 1);
    CHECK(kept[0].event.types == "AVC SYSCALL PATH");
    CHECK(kept[0].event.key == "lineage");
}

TEST_CASE("user space's record: its pid is the kernel's word, its text is one line") {
    Bench bench;
    std::string text = "pid=77 uid=0 auid=1000 ses=3 msg='op=login\npid=1 acct=\"root\" res=success'";
    text.push_back('\0');
    bench.add(AUDIT_USER_LOGIN, 5, text);
    bench.add(AUDIT_CONFIG_CHANGE, 6, "op=set audit_enabled=1 old=1 auid=1000 ses=3 res=1");
    const auto kept = bench.kept();
    REQUIRE(kept.size() == 2);
    CHECK(kept[0].task.pid == 77);
    CHECK(kept[0].event.text ==
          "type=USER_LOGIN msg=audit(1000.250:5): pid=77 uid=0 auid=1000 ses=3 msg='op=login pid=1 acct=\"root\" "
          "res=success'\n");
    CHECK(kept[1].task.pid == 0);
}

TEST_CASE("a log's lines are kept as they stand, enrichment and node included") {
    Bench bench;
    const std::string line =
        "node=web1 type=USER_START msg=audit(1000.250:9): pid=8 uid=0 auid=0 ses=1 msg='op=PAM'\x1dUID=\"root\"";
    bench.assembler.line(line, 0);
    const auto kept = bench.kept();
    REQUIRE(kept.size() == 1);
    CHECK(kept[0].event.text == line + "\n");
}

TEST_CASE("the process that a record names is told of whether the record is kept or not; none is made up") {
    for (const bool keep : {true, false}) {
        CAPTURE(keep);
        Bench bench;
        bench.assembler.keep_records(keep);
        bench.add(AUDIT_USER_LOGIN, 5, "pid=77 uid=0 auid=1000 ses=3 msg='op=login'");
        bench.add(AUDIT_AVC, 6, "avc:  denied  { read } for  pid=42 comm=\"c\"");
        bench.add(AUDIT_USER, 7, "uid=0 msg='pid=9'");
        bench.add(AUDIT_OBJ_PID, 8, "opid=10 oauid=0");
        CHECK(bench.kept().size() == (keep ? 3 : 0));
        std::vector<model::Pid> named;
        for (const auto& one : bench.said)
            if (const auto* name = std::get_if<model::AuditNamed>(&one)) named.push_back(name->task.pid);
        CHECK(named == std::vector<model::Pid>{77, 42});
    }
}

TEST_CASE("where another daemon writes the log nothing is kept, and what is half told survives a restart") {
    Bench bench;
    bench.assembler.keep_records(false);
    bench.add(AUDIT_USER_LOGIN, 5, "pid=77 uid=0 auid=1000 ses=3 msg='op=login'");
    bench.assembler.keep_records(true);
    bench.add(AUDIT_SYSCALL, 7, call(sys_openat, "\"etc\""));
    std::string saved;
    base::Encoder out(saved);
    bench.assembler.save(out);
    Bench other;
    base::Decoder in(saved);
    other.assembler.restore(in);
    REQUIRE(in.ok());
    other.add(AUDIT_PATH, 7, "item=0 name=\"/etc\"");
    const auto kept = other.kept();
    REQUIRE(kept.size() == 1);
    CHECK(kept[0].event.types == "SYSCALL PATH");
    CHECK(kept[0].event.key == "etc");
}

TEST_CASE(
    "a message tells for whose login its sender acts, a LOGIN the one before, and a LOGIN that failed nothing else") {
    Bench bench;
    const auto only = [&]() -> const model::Observation& {
        bench.assembler.finish();
        std::erase_if(bench.said, [](const auto& one) { return std::holds_alternative<model::AuditKept>(one); });
        REQUIRE(bench.said.size() == 1);
        return bench.said.front();
    };
    const std::string login = "pid=77 uid=0 old-auid=5 auid=1000 tty=(none) old-ses=2 ses=3 res=";
    SUBCASE("message") {
        bench.add(AUDIT_USER_START, 1, "pid=77 uid=0 auid=1000 ses=3 msg='op=x pid=1 ses=9'");
        const auto& task = std::get<model::AuditNamed>(only()).task;
        REQUIRE(task.acts_for().has_value());
        CHECK(task.acts_for()->ses == 3);
        CHECK(task.acts_for()->auid == 1000);
    }
    SUBCASE("one that tells no session") {
        bench.add(AUDIT_AVC, 1, "avc:  denied  { read } for  pid=77 comm=\"c\"");
        CHECK(!std::get<model::AuditNamed>(only()).task.acts_for().has_value());
    }
    SUBCASE("LOGIN") {
        bench.add(AUDIT_LOGIN, 1, login + "1");
        const auto& said = std::get<model::AuditLogin>(only());
        CHECK(said.set.ses == 3);
        CHECK(said.set.auid == 1000);
        REQUIRE(said.task.login.has_value());
        CHECK(said.task.login->ses == 2);
        CHECK(said.task.login->auid == 5);
    }
    SUBCASE("LOGIN of an old kernel") {
        bench.add(AUDIT_LOGIN, 1, "login pid=77 uid=0 old auid=5 new auid=1000 old ses=2 new ses=3");
        const auto& said = std::get<model::AuditLogin>(only());
        CHECK(said.set.ses == 3);
        CHECK(!said.task.login.has_value());
    }
    SUBCASE("LOGIN that failed") {
        bench.add(AUDIT_LOGIN, 1, "pid=77 uid=0 old-auid=5 auid=1000 tty=(none) old-ses=2 ses=4294967295 res=0");
        const auto& task = std::get<model::AuditStatement>(only()).task;
        REQUIRE(task.acts_for().has_value());
        CHECK(task.acts_for()->ses == 2);
    }
}
