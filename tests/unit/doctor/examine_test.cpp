// Goal: each thing that can be wrong with a machine is found, told apart from its neighbours, and comes with a mend; a
// machine where nothing is wrong gets no complaint.
// Method: facts of a machine in order; each case makes one thing wrong, and wants exactly that finding.
#include <doctest/doctest.h>
#include <linux/audit.h>

#include <algorithm>
#include <cstring>
#include <functional>

#include "lineage/doctor/doctor.hpp"

using namespace lineage;
using namespace lineage::doctor;
using State = model::Finding::State;

namespace {

Facts in_order() {
    Facts facts;
    facts.command_line =
        "BOOT_IMAGE=/vmlinuz root=/dev/sda1 ro audit=1 audit_backlog_limit=131072 rdinit=/usr/sbin/lineage-early\n";
    facts.has_systemd = facts.has_unit = facts.unit_enabled = facts.has_time_service = true;
    facts.has_loader = facts.has_init = facts.has_group = true;
    facts.grub_words = {{"/etc/default/grub.d/lineage.cfg", "audit", "1"},
                        {"/etc/default/grub.d/lineage.cfg", "audit_backlog_limit", "131072"},
                        {"/etc/default/grub.d/lineage.cfg", "init", "/usr/sbin/lineage-early"}};
    facts.programs = {
        {"auditctl", "auditctl"}, {"update-grub", "update-grub"}, {"sudo", "sudo"}, {"lineaged", "lineaged"}};
    facts.audit.emplace();
    facts.audit->state = {.enabled = 1,
                          .failure = 1,
                          .pid = 77,
                          .rate_limit = 0,
                          .backlog_limit = 65536,
                          .backlog = 0,
                          .lost = 0,
                          .backlog_wait_time = 25};
    facts.audit->rules = audit::lineage_rules();
    facts.audit->daemon_comm = "lineaged";
    facts.tick_ns = 4'000'000;
    facts.our_rule_file = true;
    facts.journald_audit = "";
    facts.database.path = "/var/lib/lineage/lineage.db";
    facts.database.exists = true;
    facts.database.file = FileFacts{0640, "root", "lineage"};
    facts.database.folder = FileFacts{0750, "root", "lineage"};
    facts.database.bytes = 1 << 20;
    facts.database.free_bytes = 50ULL << 30;
    facts.database.total_bytes = 100ULL << 30;
    facts.database.boot_started_ns = 1'000'000'000'000;
    facts.recorder.pid = 77;
    facts.recorder.running = facts.recorder.of_service = facts.recorder.asked = facts.recorder.sees_us = true;
    facts.recorder.after_ms = 12;
    facts.settings.text = "[history]\nmax_size = \"20G\"\n";
    facts.settings.values.history_bytes_max = 20ULL << 30;
    facts.clock_synchronized = true;
    facts.now_ns = 1'900'000'000'000;
    facts.boottime_ns = 900'000'000'000;
    return facts;
}

std::string rule(std::uint32_t list, std::uint32_t action, std::uint32_t field = 0, std::uint32_t comparison = 0,
                 std::uint32_t value = 0) {
    audit_rule_data data{};
    data.flags = list;
    data.action = action;
    if (field != 0) {
        data.field_count = 1;
        data.fields[0] = field;
        data.fieldflags[0] = comparison;
        data.values[0] = value;
    }
    return {reinterpret_cast<const char*>(&data), sizeof data};
}

/// What is not ok after one change to a machine in order, as "name state".
std::vector<std::string> complaints(const std::function<void(Facts&)>& change) {
    auto facts = in_order();
    change(facts);
    std::vector<std::string> out;
    for (const auto& finding : examine(facts)) {
        CAPTURE(finding.name);
        CHECK_FALSE(finding.found.empty());
        CHECK(finding.found.find('\n') == std::string::npos);
        CHECK((finding.state == State::ok) == finding.mend.empty());
        CHECK(finding.mend.find('\\') == std::string::npos);  // a terminal shows it as two
        if (finding.state != State::ok) out.push_back(finding.name + " " + model::name_of(finding.state));
    }
    return out;
}

using Said = std::vector<std::string>;
void put_first(Facts& facts, std::string raw) {
    facts.audit->rules.insert(facts.audit->rules.begin(), std::move(raw));
}
void put_last(Facts& facts, std::string raw) {
    facts.audit->rules.push_back(std::move(raw));
}

std::string mend_of(const Facts& facts, const std::string& name) {
    for (const auto& finding : examine(facts))
        if (finding.name == name) return finding.mend;
    return "none";
}

/// Runs by hand, into a database of its own.
Facts by_hand() {
    auto facts = in_order();
    facts.recorder.of_service = false;
    facts.recorder.command = {"--foreground",      "--db", "x.db",         "--ready-fd", "5",
                              "--backlog-wait-ms", "100",  "--config=/a b"};
    facts.database.path = "/srv/x.db";
    facts.programs["lineaged"] = "/opt/it's/lineaged";
    return facts;
}

std::string found_of(const Facts& facts, const std::string& name) {
    for (const auto& finding : examine(facts))
        if (finding.name == name) return finding.found + " | " + finding.mend;
    return "none";
}

}  // namespace

TEST_CASE("a machine in order gets no complaint") {
    CHECK(complaints([](Facts&) {}) == Said{});
    CHECK(examine(in_order()).size() >= 24);
}

TEST_CASE("the kernel's command line") {
    const auto with = [](const char* line) { return complaints([&](Facts& facts) { facts.command_line = line; }); };
    CHECK(with("audit=1 audit_backlog_limit=131072") == Said{"boot.loader warn"});
    CHECK(with("audit=on audit_backlog_limit=131072 init=/usr/sbin/lineage-early") == Said{});
    CHECK(with("audit=0 audit_backlog_limit=131072 init=/usr/sbin/lineage-early") == Said{"boot.audit bad"});
    CHECK(with("audit=1 audit=off audit_backlog_limit=131072 init=/usr/sbin/lineage-early") == Said{"boot.audit bad"});
    CHECK(with("noaudit=1 audit_backlog_limit=131072 init=/usr/sbin/lineage-early") == Said{"boot.audit warn"});
    CHECK(with("audit=1 audit_backlog_limit=8192 init=/usr/sbin/lineage-early") == Said{"boot.backlog warn"});
    CHECK(with("audit=1 audit_backlog_limit=x init=/sbin/init rdinit=/usr/sbin/lineage-early") ==
          Said{"boot.backlog warn"});
    CHECK(with("") == Said{"boot.audit warn", "boot.backlog warn", "boot.loader warn"});
    CHECK(complaints([](Facts& facts) { facts.command_line.reset(); }) == Said{"boot.command_line skipped"});
    CHECK(complaints([](Facts& facts) {
              facts.command_line = "audit=1 audit_backlog_limit=131072 init=/usr/sbin/lineage-early";
              facts.has_init = false;
          }) == Said{"boot.loader bad"});
}

TEST_CASE("the mend of the command line is the package's drop-in where there is one") {
    auto facts = in_order();
    facts.command_line = "";
    CHECK(found_of(facts, "boot.audit").ends_with("| update-grub   # then reboot"));
    facts.grub_words.clear();
    CHECK(found_of(facts, "boot.audit").find("audit=1\"' >>/etc/default/grub.d/lineage.cfg") != std::string::npos);
}

TEST_CASE("the service") {
    CHECK(complaints([](Facts& facts) { facts.unit_enabled = false; }) == Said{"boot.service bad"});
    CHECK(complaints([](Facts& facts) { facts.has_unit = false; }) == Said{"boot.service warn"});
    CHECK(complaints([](Facts& facts) { facts.has_systemd = facts.unit_enabled = false; }) == Said{});
}

TEST_CASE("audit's settings") {
    const auto with = [](const std::function<void(audit::KernelState&)>& change) {
        return complaints([&](Facts& facts) { change(facts.audit->state); });
    };
    CHECK(with([](auto& state) { state.enabled = 0; }) == Said{"audit.enabled bad"});
    CHECK(with([](auto& state) { state.enabled = 2; }) == Said{});
    CHECK(with([](auto& state) { state.backlog_limit = 64; }) == Said{"audit.backlog_limit warn"});
    CHECK(with([](auto& state) { state.backlog_limit = 0; }) == Said{});
    CHECK(with([](auto& state) { state.backlog_wait_time = 15000; }) == Said{"audit.backlog_wait warn"});
    CHECK(with([](auto& state) { state.failure = 2; }) == Said{"audit.failure warn"});
    CHECK(with([](auto& state) { state.rate_limit = 100; }) == Said{"audit.rate_limit bad"});
    CHECK(with([](auto& state) { state.lost = 3; }) == Said{"audit.lost warn"});
    auto facts = in_order();
    facts.audit->state.backlog_wait_time = 15000;
    CHECK(found_of(facts, "audit.backlog_wait").find("60000 ms") != std::string::npos);
    CHECK(found_of(facts, "audit.backlog_wait").ends_with("| auditctl --backlog_wait_time 25"));
    facts.audit->state.enabled = 0;
    facts.journald_audit = "no";
    CHECK(found_of(facts, "audit.enabled").find("systemd-journald") != std::string::npos);
}

TEST_CASE("what may not be looked at is skipped, what is not there is bad") {
    CHECK(complaints([](Facts& facts) {
              facts.audit.reset();
              facts.audit_refused = "audit: not permitted";
              facts.audit_needs_privilege = true;
              facts.rule_files_hidden = true;
          }) == Said{"audit skipped", "augenrules skipped"});
    CHECK(complaints([](Facts& facts) {
              facts.audit.reset();
              facts.audit_refused = "audit: this kernel has none";
          }) == Said{"audit bad"});
    CHECK(complaints([](Facts& facts) {
              facts.database.trouble = "open /var/lib/lineage/lineage.db: permission denied";
              facts.database.not_permitted = true;
              facts.recorder = {};
          }) == Said{"recorder.running skipped", "database.readable skipped"});
}

TEST_CASE("our rules are there, whole, and first") {
    CHECK(complaints([](Facts& facts) { facts.audit->rules.clear(); }) == Said{"audit.rules bad"});
    CHECK(complaints([](Facts& facts) { facts.audit->rules.pop_back(); }) == Said{"audit.rules bad"});
    CHECK(complaints([](Facts& facts) { put_last(facts, rule(AUDIT_FILTER_EXIT, AUDIT_ALWAYS)); }) == Said{});
    CHECK(complaints([](Facts& facts) { put_first(facts, rule(AUDIT_FILTER_EXIT, AUDIT_NEVER)); }) ==
          Said{"audit.rules bad"});
    CHECK(complaints([](Facts& facts) { put_first(facts, rule(AUDIT_FILTER_USER, AUDIT_NEVER)); }) == Said{});
    auto facts = in_order();
    facts.audit->rules.pop_back();
    CHECK(found_of(facts, "audit.rules").starts_with("1 of our "));
    CHECK(found_of(facts, "audit.rules").ends_with("systemctl kill --kill-who=main --signal=KILL lineaged"));
    facts.recorder = {};
    CHECK(found_of(facts, "audit.rules").ends_with("| systemctl start lineaged"));
}

TEST_CASE("rules of others that blind audit") {
    CHECK(complaints([](Facts& facts) { put_first(facts, rule(AUDIT_FILTER_TASK, AUDIT_NEVER)); }) ==
          Said{"audit.never_task bad"});
    CHECK(complaints([](Facts& facts) { put_first(facts, rule(AUDIT_FILTER_TASK, AUDIT_ALWAYS)); }) == Said{});
    const auto exclude = [](std::uint32_t field, std::uint32_t comparison, std::uint32_t value) {
        return complaints(
            [&](Facts& facts) { put_last(facts, rule(AUDIT_FILTER_EXCLUDE, AUDIT_NEVER, field, comparison, value)); });
    };
    CHECK(exclude(AUDIT_MSGTYPE, AUDIT_EQUAL, AUDIT_SYSCALL) == Said{"audit.exclude bad"});
    CHECK(exclude(AUDIT_MSGTYPE, AUDIT_GREATER_THAN_OR_EQUAL, 1300) == Said{"audit.exclude bad"});
    CHECK(exclude(AUDIT_MSGTYPE, AUDIT_LESS_THAN, 1006) == Said{"audit.exclude warn"});
    CHECK(exclude(AUDIT_MSGTYPE, AUDIT_EQUAL, AUDIT_AVC) == Said{"audit.exclude warn"});
    CHECK(exclude(AUDIT_MSGTYPE, AUDIT_EQUAL, AUDIT_PROCTITLE) == Said{"audit.exclude warn"});
    CHECK(exclude(AUDIT_UID, AUDIT_EQUAL, 0) == Said{"audit.exclude bad"});
}

TEST_CASE("who else consumes audit") {
    const auto daemon = [](std::uint32_t pid, const char* comm) {
        return complaints([&](Facts& facts) {
            facts.audit->state.pid = pid;
            facts.audit->daemon_comm = comm;
        });
    };
    CHECK(daemon(5, "auditd") == Said{"audit.daemon warn"});
    CHECK(daemon(0, "") == Said{"audit.daemon bad"});
    CHECK(daemon(5, "") == Said{"audit.daemon bad"});
    CHECK(complaints([](Facts& facts) { facts.auditd_enabled = true; }) == Said{"audit.auditd warn"});
    const auto reader = [](const char* comm) { return complaints([&](Facts& facts) { facts.readers = {{9, comm}}; }); };
    CHECK(reader("lineaged") == Said{});
    CHECK(reader("other") == Said{});
    CHECK(reader("systemd-journal") == Said{"audit.readers warn"});
}

TEST_CASE("journald and augenrules") {
    CHECK(complaints([](Facts& facts) { facts.journald_audit = "no"; }) == Said{"journald.audit bad"});
    CHECK(complaints([](Facts& facts) { facts.journald_audit = "yes"; }) == Said{});
    CHECK(complaints([](Facts& facts) { facts.journald_audit.reset(); }) == Said{});
    const auto line = [](const char* text, bool ours) {
        return complaints([&](Facts& facts) {
            facts.our_rule_file = ours;
            facts.rule_lines = {{"/etc/audit/rules.d/audit.rules", 2, text}};
        });
    };
    CHECK(line("-D", true) == Said{});
    CHECK(line("-D", false) == Said{"augenrules.delete warn"});
    CHECK(line("-a never,task", true) == Said{"augenrules.never_task bad"});
    CHECK(line("-a task,never", true) == Said{"augenrules.never_task bad"});
    CHECK(line("-e 2", true) == Said{"augenrules.lock warn"});
}

TEST_CASE("the recorder") {
    CHECK(complaints([](Facts& facts) { facts.recorder = {}; }) == Said{"recorder.running bad"});
    CHECK(complaints([](Facts& facts) { facts.recorder.running = false; }) == Said{"recorder.running bad"});
    CHECK(complaints([](Facts& facts) { facts.recorder.sees_us = false; }) == Said{"recorder.alive bad"});
    CHECK(complaints([](Facts& facts) { facts.recorder.asked = facts.recorder.sees_us = false; }) == Said{});
}

TEST_CASE("the database and its disk") {
    const auto with = [](const std::function<void(DatabaseFacts&)>& change) {
        return complaints([&](Facts& facts) { change(facts.database); });
    };
    CHECK(with([](auto& db) {
              db.trouble = "damaged";
              db.damaged = true;
          }) == Said{"database.readable bad"});
    CHECK(with([](auto& db) { db.file->mode = 0644; }) == Said{"database.file warn"});
    CHECK(with([](auto& db) { db.file->mode = 0660; }) == Said{"database.file bad"});
    CHECK(with([](auto& db) { db.file->owner = "lineage"; }) == Said{"database.file bad"});
    CHECK(with([](auto& db) { db.folder->mode = 0755; }) == Said{"database.folder warn"});
    CHECK(with([](auto& db) { db.folder->mode = 0777; }) == Said{"database.folder bad"});
    CHECK(with([](auto& db) { db.free_bytes = 100 << 20; }) == Said{"disk.space bad"});
    CHECK(with([](auto& db) { db.free_bytes = 4ULL << 30; }) == Said{"disk.space warn"});
    CHECK(complaints([](Facts& facts) { facts.settings.values.history_bytes_max = 0; }) == Said{"disk.bound warn"});
    auto facts = in_order();
    facts.database.exists = false;
    facts.database.trouble = "open: no such file";
    CHECK(found_of(facts, "database.readable").ends_with("| systemctl start lineaged"));
}

TEST_CASE("the clock") {
    CHECK(complaints([](Facts& facts) { facts.clock_synchronized = false; }) == Said{"clock.synchronized warn"});
    CHECK(complaints([](Facts& facts) { facts.now_ns += 5'000'000'000; }) == Said{"clock.steps warn"});
    CHECK(complaints([](Facts& facts) { facts.now_ns -= 5'000'000'000; }) == Said{"clock.steps warn"});
    CHECK(complaints([](Facts& facts) { facts.now_ns += 500'000'000; }) == Said{});
    auto facts = in_order();
    facts.now_ns -= 5'000'000'000;
    CHECK(found_of(facts, "clock.steps").find("back by 5.0 s") != std::string::npos);
}

TEST_CASE("rules of others are removed as they stand, each of them, in words that a shell takes") {
    auto facts = in_order();
    put_first(facts, rule(AUDIT_FILTER_TASK, AUDIT_NEVER, AUDIT_UID, AUDIT_EQUAL, 4711));
    put_first(facts, rule(AUDIT_FILTER_TASK, AUDIT_NEVER));
    put_last(facts,
             rule(AUDIT_FILTER_EXCLUDE, AUDIT_ALWAYS, AUDIT_MSGTYPE, AUDIT_GREATER_THAN_OR_EQUAL, AUDIT_SYSCALL));
    CHECK(mend_of(facts, "audit.never_task") == "auditctl -d never,task; auditctl -d never,task -F uid=4711");
    CHECK(mend_of(facts, "audit.exclude") == "auditctl -d always,exclude -F 'msgtype>=SYSCALL'");
    facts.programs.erase("auditctl");  // then lineaged does it
    CHECK(mend_of(facts, "audit.never_task") == "systemctl kill --kill-who=main --signal=KILL lineaged");
    facts.settings.values.rules = false;
    CHECK(mend_of(facts, "audit.never_task").starts_with("# auditctl is not installed here"));
}

TEST_CASE("our rules in another order are not in order") {
    CHECK(complaints([](Facts& facts) { std::swap(facts.audit->rules[0], facts.audit->rules[1]); }) ==
          Said{"audit.rules bad"});
}

TEST_CASE("while audit is locked only a boot mends it") {
    auto facts = in_order();
    facts.audit->state.enabled = 2;
    facts.audit->state.backlog_limit = 64;
    facts.audit->state.rate_limit = 5;
    facts.audit->rules.pop_back();
    put_first(facts, rule(AUDIT_FILTER_TASK, AUDIT_NEVER));
    for (const char* const name : {"audit.backlog_limit", "audit.rate_limit", "audit.rules", "audit.never_task"}) {
        CAPTURE(name);
        CHECK(mend_of(facts, name).starts_with("# audit is locked until the next boot"));
    }
    // The consumer may still change.
    facts.audit->state.pid = 0;
    facts.audit->daemon_comm.clear();
    CHECK(mend_of(facts, "audit.daemon").starts_with("systemctl kill"));
}

TEST_CASE("lineaged is started and restarted as it was started, into the database that was asked for") {
    auto facts = by_hand();
    facts.recorder.sees_us = false;
    const std::string again = "'/opt/it'\"'\"'s/lineaged' --backlog-wait-ms 100 '--config=/a b' --db /srv/x.db";
    CHECK(mend_of(facts, "recorder.alive") == "kill -KILL 77; sleep 2; " + again);
    facts.audit->rules.pop_back();
    CHECK(mend_of(facts, "audit.rules") == "kill -KILL 77; sleep 2; " + again);
    facts.settings.values.rules = false;
    CHECK(mend_of(facts, "audit.rules").starts_with("# lineaged is told to leave the rules alone"));
    facts.recorder = {};
    CHECK(mend_of(facts, "recorder.running") == "'/opt/it'\"'\"'s/lineaged' --db /srv/x.db");
    facts.programs.erase("lineaged");
    CHECK(mend_of(facts, "recorder.running").starts_with("# install lineage's package"));
    facts.database.path = "/var/lib/lineage/lineage.db";
    CHECK(mend_of(facts, "recorder.running") == "systemctl start lineaged");
    facts.unit_masked = true;
    CHECK(mend_of(facts, "recorder.running") == "systemctl unmask lineaged && systemctl start lineaged");
    CHECK(mend_of(facts, "boot.service") == "systemctl unmask lineaged && systemctl enable lineaged");
    facts.audit.reset();  // and not for want of privilege
    CHECK(mend_of(facts, "recorder.running").starts_with("# install lineage's package"));
    facts.programs["lineaged"] = "lineaged";
    CHECK(mend_of(facts, "recorder.running") == "lineaged --source connector");
    facts.recorder.elsewhere_pid = 5;
    facts.recorder.elsewhere = "/y.db";
    CHECK(mend_of(facts, "recorder.running").ends_with("lineage --db /y.db doctor"));
}

TEST_CASE("the registration is taken when the other daemon has ended, and not where lineaged is told not to") {
    auto facts = in_order();
    facts.audit->state.pid = 5;
    facts.audit->daemon_comm = "auditd";
    const std::string again = "systemctl kill --kill-who=main --signal=KILL lineaged";
    CHECK(mend_of(facts, "audit.daemon") == "kill 5; sleep 2; " + again);
    facts.auditd_of_service = true;
    CHECK(mend_of(facts, "audit.daemon") == "systemctl disable auditd; systemctl kill auditd; sleep 2; " + again);
    facts.audit->state.pid = 0;
    facts.audit->daemon_comm.clear();
    CHECK(mend_of(facts, "audit.daemon") == again);
    facts.settings.values.source = settings::SourceChoice::multicast;
    CHECK(mend_of(facts, "audit.daemon").starts_with("# lineaged is told to listen along"));
}

TEST_CASE("a folder that is not ours is left alone") {
    auto facts = in_order();
    facts.database.path = "/tmp/x y.db";
    const auto with = [&](std::uint32_t mode, const char* owner) {
        facts.database.folder = FileFacts{mode, owner, "root"};
        return mend_of(facts, "database.folder");
    };
    CHECK(with(01777, "root") == "");
    CHECK(with(0755, "root") == "");
    CHECK(with(0777, "root").starts_with("# keep the history where root alone may write"));
    CHECK(with(0755, "me").starts_with("# keep the history where root alone may write"));
    facts.database.file->mode = 0666;
    CHECK(mend_of(facts, "database.file") == "chown root:lineage '/tmp/x y.db' && chmod 0640 '/tmp/x y.db'");
    facts.has_group = false;
    CHECK(mend_of(facts, "database.file") == "chown root:root '/tmp/x y.db' && chmod 0640 '/tmp/x y.db'");
}

TEST_CASE("a damaged database") {
    auto facts = in_order();
    facts.database.trouble = "database: damaged";
    facts.database.damaged = true;
    facts.recorder = {};
    CHECK(mend_of(facts, "database.readable") == "systemctl start lineaged");
    facts.database.path = "/case.db";
    CHECK(mend_of(facts, "database.readable").starts_with("# import its logs again"));
    facts.database.has_header = true;
    CHECK(mend_of(facts, "database.readable")
              .starts_with("lineage --db /case.db recover --from /case.db -o /case.db.new && for part in"));
    facts.database.damaged = false;
    CHECK(mend_of(facts, "database.readable").starts_with("# give it a history"));
}

TEST_CASE("the kernel's command line is read as the kernel reads it") {
    const auto with = [](const char* line) { return complaints([&](Facts& facts) { facts.command_line = line; }); };
    const std::string rest = " audit_backlog_limit=131072 init=/usr/sbin/lineage-early";
    CHECK(with(("audit=\"1\"" + rest).c_str()) == Said{});
    CHECK(with(("audit=yes" + rest).c_str()) == Said{});
    CHECK(with(("audit=OFF" + rest).c_str()) == Said{"boot.audit bad"});
    CHECK(with((rest + " -- audit=1").c_str()) == Said{"boot.audit warn"});
    CHECK(with("audit=1 audit_backlog_limit=0x20000 init=/usr/sbin/lineage-early") == Said{});
    CHECK(with("audit=1 audit_backlog_limit=0 init=/usr/sbin/lineage-early") == Said{});
    CHECK(with("audit=1 audit_backlog_limit=131072k init=/usr/sbin/lineage-early") == Said{"boot.backlog warn"});
    CHECK(with("audit=1 audit_backlog_limit=131072 audit_backlog_limit=x rdinit=/lineage-early") == Said{});
    CHECK(with("audit=1 audit_backlog_limit=131072 rdinit=/x/not-lineage-early") == Said{"boot.loader warn"});
    CHECK(with("audit=1 audit_backlog_limit=131072 init=/x/not-lineage-early") == Said{"boot.loader warn"});
}

TEST_CASE("no word is put onto the command line that would name what is not there") {
    auto facts = in_order();
    facts.command_line = "";
    facts.grub_words.clear();
    CHECK(mend_of(facts, "boot.loader").find("init=/usr/sbin/lineage-early") != std::string::npos);
    facts.has_loader = false;
    CHECK(mend_of(facts, "boot.loader").starts_with("# install lineage's package"));
    facts.command_line = "init=/opt/lineage-early";
    facts.has_init = false;
    CHECK(mend_of(facts, "boot.loader").starts_with("# take init=/opt/lineage-early off the kernel command line, or"));
    facts.programs.erase("update-grub");
    CHECK(mend_of(facts, "boot.audit") ==
          "# put audit=1 onto the kernel command line where your boot loader keeps it, in place of another audit=, and "
          "reboot");
    facts.has_loader = true;
    facts.command_line = "init=/bin/theirs";
    CHECK(mend_of(facts, "boot.loader").find("init=/usr/sbin/lineage-early lineage.init=/bin/theirs") !=
          std::string::npos);
}
