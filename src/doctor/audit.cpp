// The kernel's audit as it stands, and who reads it.
#include "checks.hpp"
#include "rule.hpp"

namespace lineage::doctor {
namespace {

constexpr std::uint32_t backlog_limit_min = 8192;
// A task waits so long for each record while nobody reads and the backlog is full: more stalls the host.
constexpr std::int64_t wait_ms_max = 1000;

void check_enabled(const Facts& facts, Findings& findings) {
    const auto enabled = facts.audit->state.enabled;
    if (enabled == 0) {
        const bool journald = facts.has_systemd && facts.journald_audit && *facts.journald_audit == "no";
        findings.push_back(
            bad("audit.enabled",
                journald ? "audit is switched off, as systemd-journald does when it starts (see journald.audit)"
                         : "audit is switched off",
                "auditctl -e 1"));
    } else {
        findings.push_back(
            ok("audit.enabled", enabled == 2 ? "audit is on, and locked until the next boot" : "audit is on"));
    }
}

void check_settings(const Facts& facts, Findings& findings) {
    const auto& state = facts.audit->state;
    if (state.backlog_limit != 0 && state.backlog_limit < backlog_limit_min) {
        findings.push_back(warn("audit.backlog_limit",
                                fmt::format("the kernel keeps {} records; a burst needs more", state.backlog_limit),
                                "auditctl -b 65536"));
    } else {
        findings.push_back(
            ok("audit.backlog_limit", state.backlog_limit == 0
                                          ? std::string("the kernel keeps records without a limit")
                                          : fmt::format("the kernel keeps {} records", state.backlog_limit)));
    }
    const auto wait_ms = state.backlog_wait_time * facts.tick_ns / 1'000'000;
    if (wait_ms > wait_ms_max) {
        findings.push_back(warn(
            "audit.backlog_wait",
            fmt::format("a task may wait {} ms for each record while the daemon does not read: it can "
                        "stall this machine",
                        wait_ms),
            fmt::format("auditctl --backlog_wait_time {}", 100'000'000 / std::max<std::int64_t>(facts.tick_ns, 1))));
    } else {
        findings.push_back(ok("audit.backlog_wait", fmt::format("a task waits for a record {} ms at most", wait_ms)));
    }
    if (state.failure == 2) {
        findings.push_back(warn("audit.failure", "a lost record makes the kernel panic (-f 2)", "auditctl -f 1"));
    } else {
        findings.push_back(ok("audit.failure", state.failure == 0
                                                   ? "a lost record is counted, not printed (-f 0)"
                                                   : "a lost record is printed to the kernel log (-f 1)"));
    }
    if (state.rate_limit != 0) {
        findings.push_back(bad("audit.rate_limit",
                               fmt::format("the kernel drops what is more than {} records a second", state.rate_limit),
                               "auditctl -r 0"));
    } else {
        findings.push_back(ok("audit.rate_limit", "there is no rate limit"));
    }
    if (state.lost != 0) {
        findings.push_back(
            warn("audit.lost",
                 fmt::format("the kernel has lost {} records since it was booted or the count reset", state.lost),
                 "lineage status"));
    } else {
        findings.push_back(ok("audit.lost", "the kernel has lost no record"));
    }
}

}  // namespace

void check_audit(const Facts& facts, Findings& findings) {
    if (!facts.audit) {
        if (facts.audit_needs_privilege) {
            findings.push_back(skipped("audit", facts.audit_refused, "sudo lineage doctor"));
        } else {
            findings.push_back(bad("audit", facts.audit_refused, "lineaged --source connector"));
        }
        return;
    }
    check_enabled(facts, findings);
    check_settings(facts, findings);
}

void check_rules(const Facts& facts, Findings& findings) {
    if (!facts.audit) return;
    const auto& rules = facts.audit->rules;
    const auto report = review(rules);
    const auto put_back = facts.recorder.running ? std::string(restart_command) : start_command(facts);
    if (report.missing != 0) {
        findings.push_back(bad(
            "audit.rules", fmt::format("{} of our {} rules are not in force", report.missing, report.ours), put_back));
    } else if (report.before != 0) {
        findings.push_back(bad("audit.rules",
                               fmt::format("{} rules of others stand before ours, and decide first", report.before),
                               put_back));
    } else {
        findings.push_back(ok("audit.rules", fmt::format("our {} rules are in force and stand first", report.ours)));
    }
    if (report.never_task != 0) {
        findings.push_back(
            bad("audit.never_task",
                "a never,task rule: every process forked under it is invisible to audit for its whole life",
                "auditctl -d never,task"));
    } else {
        findings.push_back(ok("audit.never_task", "no never,task rule"));
    }
    if (report.hides_ours != 0) {
        findings.push_back(
            bad("audit.exclude",
                fmt::format("{} exclude rules drop types of record that the history is made of", report.hides_ours),
                "auditctl -l | grep exclude   # then remove each with auditctl -d"));
    } else if (report.excludes != 0) {
        findings.push_back(warn("audit.exclude",
                                fmt::format("{} exclude rules drop records before anyone reads them", report.excludes),
                                "auditctl -l | grep exclude   # then remove each with auditctl -d"));
    } else {
        findings.push_back(ok("audit.exclude", "no rule drops records"));
    }
}

void check_consumers(const Facts& facts, Findings& findings) {
    if (facts.audit) {
        const auto pid = facts.audit->state.pid;
        const auto& comm = facts.audit->daemon_comm;
        if (comm == "lineaged") {
            findings.push_back(
                ok("audit.daemon", fmt::format("lineaged (pid {}) is the registered audit daemon", pid)));
        } else if (pid != 0 && !comm.empty()) {
            findings.push_back(warn(
                "audit.daemon",
                fmt::format(
                    "{} (pid {}) is the registered audit daemon: lineaged can only listen along, and may miss records",
                    comm, pid),
                comm == "auditd" ? "systemctl disable --now auditd" : fmt::format("kill {}", pid)));
        } else {
            findings.push_back(bad("audit.daemon",
                                   "no audit daemon is registered: records wait in the kernel, then are lost",
                                   start_command(facts)));
        }
    }
    if (facts.auditd_enabled && facts.audit && facts.audit->daemon_comm == "lineaged") {
        findings.push_back(
            warn("audit.auditd",
                 "auditd.service is enabled too, and cannot be the audit daemon while lineaged is: its log stays "
                 "empty",
                 "systemctl disable --now auditd   # or give lineaged source = \"multicast\""));
    }
    std::string others;
    bool journald = false;
    for (const auto& reader : facts.readers) {
        if (reader.comm == "lineaged") continue;
        journald = journald || reader.comm == "systemd-journal" || reader.comm == "systemd";
        others += fmt::format("{}{} (pid {})", others.empty() ? "" : ", ", reader.comm.empty() ? "?" : reader.comm,
                              reader.pid);
    }
    if (others.empty()) {
        findings.push_back(ok("audit.readers", "nobody else listens to the audit stream"));
    } else if (journald) {
        findings.push_back(warn(
            "audit.readers", "systemd-journald copies every audit record into the journal: several for each process",
            "systemctl mask --now systemd-journald-audit.socket && systemctl restart systemd-journald"));
    } else {
        findings.push_back(ok("audit.readers", "listening along: " + others));
    }
}

}  // namespace lineage::doctor
