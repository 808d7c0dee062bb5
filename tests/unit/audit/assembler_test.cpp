// Goal: events are put together by their id and handed over in order of serial, whatever their records went through.
// Method: the kernel's records written out by hand.
#include "lineage/audit/assembler.hpp"

#include <doctest/doctest.h>
#include <libaudit.h>

#include <string>
#include <vector>

namespace {

using namespace lineage;

class Bench {
public:
    explicit Bench(audit::AssemblerLimits limits = {})
        : assembler_(
              [this](model::Observation&& o) {
                  if (!std::holds_alternative<model::AuditKept>(o)) said.push_back(std::move(o));  // kept_test.cpp
              },
              limits) {}

    void call(int serial, int number, const std::string& rest = "success=yes exit=0", std::int64_t at_ns = 0) {
        add(AUDIT_SYSCALL, serial,
            "arch=c000003e syscall=" + std::to_string(number) + " " + rest +
                " a0=0 a1=0 items=0 ppid=1 pid=42 auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 "
                "tty=pts0 ses=3 comm=\"c\" exe=\"/bin/c\" key=\"lineage\"",
            at_ns);
    }
    void add(std::uint16_t type, int serial, const std::string& fields, std::int64_t at_ns = 0) {
        assembler_.record(type, "audit(1000.000:" + std::to_string(serial) + "): " + fields, at_ns);
    }
    void end(int serial, std::int64_t at_ns = 0) { add(AUDIT_EOE, serial, "", at_ns); }
    audit::Assembler& operator*() { return assembler_; }
    std::vector<std::int64_t> serials() const {
        std::vector<std::int64_t> result;
        for (const auto& one : said)
            std::visit(
                [&](const auto& fact) {
                    if constexpr (requires { fact.task; }) result.push_back(fact.task.serial);
                },
                one);
        return result;
    }

    std::vector<model::Observation> said;
    std::string saved;

private:
    audit::Assembler assembler_;
};

enum { sys_fork = 57, sys_openat = 257, sys_execve = 59, sys_exit_group = 231 };

}  // namespace

TEST_CASE("interleaved events come out whole and by serial") {
    Bench bench;
    bench.call(2, sys_execve);
    bench.call(1, sys_execve);
    bench.add(AUDIT_EXECVE, 2, "argc=2 a0=\"two\" a1=6120622062");
    bench.add(AUDIT_EXECVE, 1, "argc=1 a0=\"one\"");
    bench.end(2);
    bench.end(1);
    (*bench).finish();
    REQUIRE(bench.serials() == std::vector<std::int64_t>{1, 2});
    CHECK(std::get<model::AuditExec>(bench.said[0]).argv == std::vector<std::string>{"one"});
    CHECK(std::get<model::AuditExec>(bench.said[1]).argv == std::vector<std::string>{"two", "a b b"});
}

TEST_CASE(
    "what auditd counted comes before the first of the kernel's that is later, wherever it stood; restored alike") {
    const auto line = [](const std::string& type, const std::string& stamp) {
        return "type=" + type + " msg=audit(" + stamp + "): pid=42 uid=0 auid=0 ses=1 msg='op=x'";
    };
    const std::vector<std::string> lines = {line("USER", "5.100:900"), line("DAEMON_ROTATE", "5.150:7"),
                                            line("USER", "5.200:901"), line("USER", "5.140:902"),
                                            line("DAEMON_END", "5.300:8")};
    for (const auto& order : std::vector<std::vector<std::size_t>>{{0, 1, 2, 3, 4}, {4, 3, 2, 1, 0}, {1, 4, 0, 3, 2}}) {
        Bench first;
        for (const auto at : order) (*first).line(lines[at], 0);
        std::string saved;
        base::Encoder out(saved);
        (*first).save(out);
        Bench bench;
        base::Decoder in(saved);
        (*bench).restore(in);
        (*bench).finish();
        CHECK(bench.serials() == std::vector<std::int64_t>{900, 0, 901, 902, 0});  // auditd's tell the tree nothing
    }
}

TEST_CASE("a change of audit's configuration is the same after a restart in the middle of its event") {
    Bench bench;
    bench.add(AUDIT_CONFIG_CHANGE, 1, "op=set audit_rate_limit=7 old=0 auid=1000 ses=3 res=1");
    base::Encoder saved_state(bench.saved);
    (*bench).save(saved_state);
    Bench other;
    base::Decoder in(bench.saved);
    (*other).restore(in);
    (*other).finish();
    const auto& change = std::get<model::AuditConfigChange>(other.said.at(0));
    CHECK(change.name == "audit_rate_limit");
    CHECK(change.value == 7);
    CHECK(change.success);
}

TEST_CASE("a long argument is put together from its parts, in any order and more than once") {
    Bench bench;
    bench.call(1, sys_execve);
    bench.add(AUDIT_EXECVE, 1, "a1[1]=6464");
    bench.add(AUDIT_EXECVE, 1, "argc=2 a0=\"x\" a1_len=4 a1[0]=6363");
    bench.add(AUDIT_EXECVE, 1, "a1[1]=6464");
    bench.end(1);
    (*bench).finish();
    CHECK(std::get<model::AuditExec>(bench.said.at(0)).argv == std::vector<std::string>{"x", "ccdd"});
}

TEST_CASE("a call that sent a signal names the signal and whom it went to") {
    Bench bench;
    struct Case {
        int number;
        const char* arguments;
        int signal;  // 0: says nothing of a signal
    };
    enum { sys_kill = 62, sys_tkill = 200, sys_tgkill = 234, sys_rt_sigqueueinfo = 129, sys_rt_tgsigqueueinfo = 297 };
    enum { sys_pidfd_send_signal = 424, sys_ptrace = 101 };
    const Case cases[] = {
        {sys_kill, "success=yes exit=0 a0=64 a1=9 a2=b", 9},
        {sys_tkill, "success=yes exit=0 a0=64 a1=f a2=b", 15},
        {sys_rt_sigqueueinfo, "success=yes exit=0 a0=64 a1=40 a2=b", 64},
        {sys_pidfd_send_signal, "success=yes exit=0 a0=3 a1=6 a2=b", 6},
        {sys_tgkill, "success=yes exit=0 a0=64 a1=65 a2=b", 11},
        {sys_rt_tgsigqueueinfo, "success=yes exit=0 a0=64 a1=65 a2=2", 2},
        {sys_kill, "success=yes exit=0 a0=64 a1=0", 0},
        {sys_kill, "success=no exit=-1 a0=64 a1=9", 0},
        {sys_kill, "success=yes exit=0 a0=64 a1=ffffffffffffffff", 0},
        {sys_ptrace, "success=yes exit=0 a0=10 a1=9 a2=9", 0},
    };
    int serial = 0;
    for (const Case& one : cases) {
        bench.add(
            AUDIT_SYSCALL, ++serial,
            "arch=c000003e syscall=" + std::to_string(one.number) + " " + one.arguments +
                " items=0 ppid=1 pid=42 auid=1000 uid=0 gid=0 euid=0 egid=0 tty=pts0 ses=3 comm=\"c\" key=\"other\"");
        bench.add(AUDIT_OBJ_PID, serial, "opid=100 oauid=1000 ouid=0 oses=3 ocomm=\"sleep\"");
        bench.add(AUDIT_OBJ_PID, serial, "opid=101 oauid=-1 ouid=0 oses=-1 ocomm=6120 obj=u:r:t");
        bench.end(serial);
    }
    base::Encoder saved_state(bench.saved);
    (*bench).save(saved_state);  // in the middle of them
    base::Decoder in(bench.saved);
    (*bench).restore(in);
    REQUIRE(in.ok());
    (*bench).finish();
    REQUIRE(bench.said.size() == std::size(cases));
    for (std::size_t i = 0; i < std::size(cases); ++i) {
        CAPTURE(i);
        const auto* const sent = std::get_if<model::AuditSignal>(&bench.said[i]);
        REQUIRE((sent != nullptr) == (cases[i].signal != 0));
        if (sent == nullptr) continue;
        CHECK(sent->signal == cases[i].signal);
        CHECK(sent->targets == std::vector<model::Pid>{100, 101});
        CHECK(sent->task.pid == 42);
    }
}

TEST_CASE("an open tells of a namespace's file, whose and of which kind, and of no other file") {
    using Kind = model::AuditNamespaceOpened::Kind;
    Bench bench;
    const auto open = [&](int serial, const std::string& name, const std::string& inode, const std::string& device,
                          const std::string& rest = "success=yes exit=3") {
        bench.call(serial, sys_openat, rest);
        bench.add(AUDIT_PATH, serial,
                  "item=0 name=\"" + name + "\" inode=" + inode + " dev=" + device + " mode=0100444 nametype=NORMAL");
        bench.end(serial);
    };
    open(1, "/proc/1234/ns/pid", "4026532500", "00:04");
    open(2, "/proc/self/ns/pid_for_children", "4026531836", "00:04");
    open(3, "ns/net", "4026532501", "00:04");
    open(4, "/run/netns/blue", "4026532501", "00:04");
    open(5, "/proc/meminfo", "4026532041", "00:16");
    open(6, "/srv/ns/pid", "4026532500", "fe:00");
    open(7, "/proc/1234/ns/pid", "4026532500", "00:04", "success=no exit=-13");
    (*bench).finish();
    REQUIRE(bench.said.size() == 7);
    const auto opened = [&](std::size_t at) { return std::get_if<model::AuditNamespaceOpened>(&bench.said[at]); };
    REQUIRE((opened(0) && opened(1) && opened(2) && opened(3)));
    CHECK(opened(0)->kind == Kind::pid);
    CHECK(opened(0)->of == 1234);
    CHECK(opened(0)->fd == 3);
    CHECK(opened(0)->inode == 4026532500);
    CHECK(opened(1)->kind == Kind::pid_for_children);
    CHECK(opened(1)->of == 42);
    CHECK(opened(2)->kind == Kind::other);
    CHECK(opened(3)->kind == Kind::unknown);
    for (const std::size_t at : {4U, 5U, 6U}) CHECK(opened(at) == nullptr);
}

TEST_CASE("a lone ANOM_ABEND holds nothing up, and an event without its end only as long as patience lasts") {
    audit::AssemblerLimits limits;
    Bench bench(limits);
    bench.add(AUDIT_ANOM_ABEND, 1, "auid=1000 uid=0 gid=0 ses=3 pid=7 comm=\"c\" exe=\"/c\" sig=11 res=1", 1'000'000);
    bench.call(2, sys_execve, "success=yes exit=0", 1'000'000);  // its end is lost
    bench.call(3, sys_exit_group, "", 1'000'000);
    bench.end(3, 1'000'000);
    (*bench).advance(1'000'000 + limits.settle_ns);
    CHECK(bench.serials() == std::vector<std::int64_t>{1});
    (*bench).advance(1'000'000 + limits.patience_ns);
    CHECK(bench.serials() == std::vector<std::int64_t>{1, 2, 3});
    CHECK((*bench).counters().incomplete == 1);
}

TEST_CASE("a record that comes twice, or after its event, makes no second event") {
    Bench bench;
    bench.call(1, sys_execve);
    bench.end(1);
    for (int serial = 100; serial < 200; ++serial) bench.end(serial);
    bench.call(1, sys_execve);
    bench.end(1);
    (*bench).finish();
    CHECK(bench.serials() == std::vector<std::int64_t>{1});
    CHECK((*bench).counters().late == 2);
}

TEST_CASE("lines of a log: raw, enriched, with a node, malformed") {
    Bench bench;
    const std::string fields =
        "arch=c000003e syscall=231 a0=107 items=0 ppid=1 pid=42 auid=4294967295 uid=0 gid=0 euid=0 egid=0 tty=(none) "
        "ses=4294967295 comm=\"c\" exe=\"/c\"";
    (*bench).line("type=SYSCALL msg=audit(5.250:1): " + fields +
                      "\x1d"
                      "ARCH=x86_64 pid=9",
                  0);
    (*bench).line("node=h type=SYSCALL msg=audit(5.250:2): " + fields, 0);
    (*bench).line("nonsense", 0);
    (*bench).line("type=SYSCALL msg=audit(x:1): ", 0);
    (*bench).finish();
    REQUIRE(bench.serials() == std::vector<std::int64_t>{1, 2});
    const auto& exit = std::get<model::AuditExit>(bench.said[0]);
    CHECK(exit.code == 7);
    CHECK(exit.task.pid == 42);
    CHECK(exit.task.time_ns == 5'250'000'000);
    CHECK(exit.task.credentials->auid == model::unset_uid);
    CHECK((*bench).counters().malformed == 2);
    CHECK(audit::stamp_of("node=h type=SYSCALL msg=audit(5.250:2): x")->node == "h");
}

TEST_CASE(
    "a change of audit's configuration says what was changed, and by whom where there is a call; restored alike") {
    using What = model::AuditConfigChange::What;
    Bench bench;
    (*bench).advance(1);
    bench.add(AUDIT_CONFIG_CHANGE, 1, "auid=1000 ses=3 op=remove_rule key=\"lineage\" list=4 res=1", 5);
    bench.call(1, 44, "success=yes exit=0", 6);
    bench.end(1, 7);
    bench.add(AUDIT_CONFIG_CHANGE, 2, "op=set audit_enabled=0 old=1 auid=7 ses=9 res=0");
    bench.add(AUDIT_CONFIG_CHANGE, 3, "op=set lost=0 old=12 auid=4294967295 ses=4294967295 res=1");
    bench.add(AUDIT_CONFIG_CHANGE, 4, "auid=0 ses=1 op=add_rule key=(null) list=99 res=1");
    std::string saved;
    base::Encoder out(saved);
    (*bench).save(out);
    Bench other;
    base::Decoder in(saved);
    (*other).restore(in);
    (*other).finish();
    (*bench).finish();
    CHECK(in.ok());
    for (const auto* one : {&bench, &other}) {
        std::vector<model::AuditConfigChange> changes;
        for (const auto& said : one->said) changes.push_back(std::get<model::AuditConfigChange>(said));
        REQUIRE(changes.size() == 4);
        CHECK(changes[0].what == What::rule_removed);
        CHECK(changes[0].name == "lineage");
        CHECK(changes[0].list == 4);
        CHECK(changes[0].task.pid == 42);
        CHECK(changes[0].task.serial == 1);
        CHECK(changes[0].success);
        CHECK(changes[0].received_ns == 5);
        CHECK(changes[1].what == What::setting);
        CHECK(changes[1].name == "audit_enabled");
        CHECK(changes[1].auid == 7);
        CHECK(changes[1].ses == 9);
        CHECK(changes[1].task.pid == 0);
        CHECK_FALSE(changes[1].success);
        CHECK(changes[2].name == "lost");
        CHECK(changes[2].auid == model::unset_uid);
        CHECK(changes[3].what == What::rule_added);
        CHECK(changes[3].name.empty());
        CHECK(changes[3].list == 0);
    }
}

namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

/// The exits of `first` to `last`, received then.
void exits(Bench& bench, int first, int last, std::int64_t received_ns) {
    for (int serial = first; serial <= last; ++serial) {
        bench.call(serial, sys_exit_group, "success=yes exit=0", received_ns);
        bench.end(serial, received_ns);
    }
}

std::vector<model::Lost> lost_of(const Bench& bench) {
    std::vector<model::Lost> lost;
    for (const auto& one : bench.said)
        if (const auto* const gap = std::get_if<model::Lost>(&one)) lost.push_back(*gap);
    return lost;
}

}  // namespace

TEST_CASE("serials that never come are a loss where the queue overflowed, with their number, and nowhere else") {
    Bench bench;
    exits(bench, 1, 100, 10 * second_ns);
    exits(bench, 111, 200, 10 * second_ns);  // no loss: nobody has said so
    (*bench).overrun(true);
    exits(bench, 201, 300, 11 * second_ns);  // what had waited in the queue when it overflowed
    (*bench).overrun(false);
    exits(bench, 1301, 1400, 11 * second_ns);
    CHECK(lost_of(bench).empty());  // they might still come
    (*bench).advance(14 * second_ns);
    REQUIRE(lost_of(bench).size() == 1);
    const auto lost = lost_of(bench).front();
    CHECK(lost.witness == model::Witness::audit);
    CHECK(lost.count == 1000);
    CHECK(lost.from_ns == 1000 * second_ns);
    CHECK(lost.to_ns == 1000 * second_ns);
    // The doubt is over some events later.
    exits(bench, 1401, 10'000, 14 * second_ns);
    exits(bench, 10'101, 10'200, 14 * second_ns);
    (*bench).advance(20 * second_ns);
    (*bench).finish();
    CHECK(lost_of(bench).size() == 1);
}

TEST_CASE("an overflow after which all comes is no loss, however late it comes") {
    Bench bench;
    exits(bench, 1, 100, 10 * second_ns);
    (*bench).overrun(true);
    for (int first = 200; first < 2000; first += 100) exits(bench, first, first + 90, 11 * second_ns);
    for (int first = 1900; first >= 200; first -= 100) exits(bench, first + 91, first + 99, 11 * second_ns);
    for (int serial = 199; serial > 150; --serial) exits(bench, serial, serial, 11 * second_ns);  // downwards
    exits(bench, 101, 150, 11 * second_ns);                                                       // and upwards
    (*bench).overrun(false);
    exits(bench, 2000, 2100, 12 * second_ns);
    (*bench).advance(20 * second_ns);
    (*bench).finish();
    CHECK(lost_of(bench).empty());
}

TEST_CASE("a doubt outlives a restart of who assembles; a boot ends it") {
    Bench first;
    exits(first, 1, 100, 10 * second_ns);
    (*first).overrun(true);
    exits(first, 201, 300, 11 * second_ns);
    base::Encoder out(first.saved);
    (*first).save(out);
    Bench second;
    base::Decoder in(first.saved);
    (*second).restore(in);
    REQUIRE(in.ok());
    CHECK(in.rest().empty());
    exits(second, 401, 500, 12 * second_ns);
    (*second).finish();
    REQUIRE(lost_of(second).size() == 1);
    CHECK(lost_of(second).front().count == 200);
    exits(second, 1001, 1100, 13 * second_ns);  // another boot's, which has no beginning here
    (*second).finish();
    CHECK(lost_of(second).size() == 1);
}
