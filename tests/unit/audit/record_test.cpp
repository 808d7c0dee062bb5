// Goal: a record is found wherever in a line it stands, in every form in which audit logs come; what is none is none;
// and the processes that it names are those of its own fields. Method: one record in every dress; for every type that
// libaudit names, fields of garbage.
#include "lineage/audit/record.hpp"

#include <doctest/doctest.h>
#include <libaudit.h>

#include <string>

#include "lineage/audit/interpret.hpp"

using namespace lineage;

namespace {

const std::string fields = "arch=c000003e syscall=62 success=yes exit=0 a0=7b a1=9 ppid=1 pid=42 comm=\"x\"";
const std::string with_id = "audit(1795264323.319:4): " + fields;

audit::Parties parties_of(std::initializer_list<std::string> lines) {
    audit::Parties parties;
    for (const auto& line : lines)
        if (const auto record = audit::record_of(line)) parties.absorb(*record);
    return parties;
}

}  // namespace

TEST_CASE("a record in every dress") {
    for (const std::string& line : {
             "type=SYSCALL msg=" + with_id,
             "type=1300 msg=" + with_id,
             "type=SYSCALL msg=" + with_id + "\r",
             "type=SYSCALL msg=" + with_id + "\x1d" + "ARCH=x86_64 SYSCALL=kill AUID=\"root\" pid=99",
             "Nov 21 10:15:02 web1 kernel: audit: type=1300 " + with_id,
             "Nov 21 10:15:02 web1 kernel: [  12.345678] audit: type=1300 " + with_id,
             "2026-11-21T10:15:02.123456+00:00 web1 audispd: type=SYSCALL msg=" + with_id,
             "<13>Nov 21 10:15:02 web1 auditd[77]: type=SYSCALL msg=" + with_id,
             "[   12.345678] audit: type=1300 " + with_id,
         }) {
        CAPTURE(line);
        const auto record = audit::record_of(line);
        REQUIRE(record.has_value());
        CHECK(record->type == AUDIT_SYSCALL);
        CHECK(record->time_ns == 1795264323'319'000'000);
        CHECK(record->serial == 4);
        CHECK(record->fields == fields);
        CHECK(record->node.empty());
        audit::Parties parties;
        parties.absorb(*record);
        CHECK(parties.subject == 42);
    }
}

TEST_CASE("the host that a record names, also behind a prefix") {
    for (const std::string prefix : {"", "Nov 21 10:15:02 collector audisp-syslog[9]: "}) {
        const auto line = prefix + "node=web1.example type=SYSCALL msg=" + with_id;
        const auto record = audit::record_of(line);
        REQUIRE(record.has_value());
        CHECK(record->node == "web1.example");
        std::string canonical;
        audit::append_canonical(*record, canonical);
        CHECK(canonical == "node=web1.example type=SYSCALL msg=" + with_id);
    }
}

TEST_CASE("what is no record") {
    for (const char* line : {"", "type=SYSCALL", "Nov 21 10:15:02 web1 sshd[4]: Accepted", "audit(1.2:3",
                             "type=SYSCALL msg=audit(1.2.3): pid=1", "xaudit(1.200:3): pid=1",
                             "type=SYSCALL msg=audit(99999999999999999999.1:2): pid=1", "msg=audit(1.200:3): pid=1"}) {
        CAPTURE(line);
        CHECK(!audit::record_of(line).has_value());
    }
}

TEST_CASE("the second process of a signal, and of ptrace") {
    const auto killed = parties_of({"type=SYSCALL msg=" + with_id, "type=OBJ_PID msg=audit(1795264323.319:4): opid=123",
                                    "type=OBJ_PID msg=audit(1795264323.319:4): opid=124",
                                    "type=OBJ_PID msg=audit(1795264323.319:4): opid=123"});
    CHECK(killed.subject == 42);
    CHECK(killed.objects == std::vector<model::Pid>{123, 124});
    CHECK(!killed.traced.has_value());
    const auto traced = parties_of(
        {"type=SYSCALL msg=audit(1.000:5): arch=c000003e syscall=101 success=yes exit=0 a0=10 a1=7b a2=0 pid=42"});
    CHECK(traced.traced == 123);
    const auto itself = parties_of(
        {"type=SYSCALL msg=audit(1.000:5): arch=c000003e syscall=101 success=yes exit=0 a0=0 a1=7b a2=0 pid=42"});
    CHECK(!itself.traced.has_value());
}

TEST_CASE("the kernel's pid counts, not one that user space or a command line tells") {
    const auto user =
        parties_of({"type=USER_CMD msg=audit(1.000:5): pid=42 uid=0 msg='cwd=\"/\" cmd=69 pid=7 opid=8'"});
    CHECK(user.subject == 42);
    CHECK(user.objects.empty());
    CHECK(!parties_of({"type=USER_CMD msg=audit(1.000:5): uid=0 msg='pid=7'"}).subject.has_value());
    const auto execve = parties_of({"type=EXECVE msg=audit(1.000:5): argc=2 a0=\"x\" a1=\"pid=7\"",
                                    "type=SYSCALL msg=audit(1.000:5): syscall=59 pid=42"});
    CHECK(execve.subject == 42);
}

TEST_CASE("garbage in the fields of every type that libaudit names") {
    const std::string garbage[] = {"",
                                   "pid=",
                                   "pid=-1",
                                   "pid=99999999999999999999",
                                   "pid=0",
                                   "pid=\"42\"",
                                   "=",
                                   "==== = =",
                                   "a0=\"",
                                   "msg='",
                                   "'",
                                   "pid=0x7f opid=- a1=zz saddr=0 proctitle=0 syscall=-1 arch=zz",
                                   "saddr=FFFF",
                                   "saddr=0200",
                                   "saddr=01",
                                   "key=(null) exe=\"\xff\xfe\" comm=\x01\x02 name=00",
                                   std::string("a\0b=c\0d", 7),
                                   "item=-1 name=(null) mode=x",
                                   "op=\x1d\x1d UID=\"x\"",
                                   "acct=\"\xc3\x28\" res=",
                                   "mode=0 per=ffffffff flags=ffffffffffffffff a2=-1 perm=zz",
                                   "syscall=59 arch=c000003e a0=zz success=maybe exit=x",
                                   "res=failed msg='op=x acct=\"y\" exe=? hostname=? addr=?"};
    int named = 0;
    for (int type = 1000; type < 3000; ++type) {
        const char* const name = audit_msg_type_to_name(type);
        if (name == nullptr) continue;
        ++named;
        for (const auto& some : garbage) {
            const auto line = "type=" + std::string(name) + " msg=audit(1795264323.319:4): " + some;
            const auto record = audit::record_of(line);
            REQUIRE(record.has_value());
            CHECK(record->type == type);
            audit::Parties parties;
            parties.absorb(*record);
            CHECK(!parties.subject.has_value());
            std::string canonical;
            audit::append_canonical(*record, canonical);
            const auto event = audit::interpret(canonical + "\n");
            CHECK(event.serial == 4);
        }
    }
    CHECK(named > 150);
}

TEST_CASE("A title that is not hexadecimal to its end is shown as it came") {
    const std::string title =
        "000001fASCf\x01"
        "dfLeL\x04v";
    const auto event = audit::interpret("type=PROCTITLE msg=audit(1795276360.876:5): proctitle=" + title + "\n");
    REQUIRE(event.records.size() == 1);
    REQUIRE(!event.records[0].fields.empty());
    CHECK(event.records[0].fields.back().value == title);
    const auto sound = audit::interpret("type=PROCTITLE msg=audit(1795276360.876:5): proctitle=6C73002D6C\n");
    CHECK(sound.records.at(0).fields.back().value == "ls -l");
}
