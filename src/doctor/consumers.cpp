// Who reads audit's records: the registered daemon, and who listens along.
#include "checks.hpp"
#include "mends.hpp"

namespace lineage::doctor {
namespace {

bool is_registered(const Facts& facts) {
    return facts.audit->daemon_comm == "lineaged";
}

/// A lineaged that listens along registers when it is started after the other's end (`first`).
std::string take_registration(const Facts& facts, const std::string& first) {
    const auto source = facts.settings.values.source;
    const auto mend = first + set_recording(facts);
    if (source == settings::SourceChoice::automatic || source == settings::SourceChoice::netlink) return mend;
    return by_hand("lineaged is told to listen along (source in lineage.toml, or --source): take that back, then " +
                   mend);
}

void check_daemon(const Facts& facts, Findings& findings) {
    const auto pid = facts.audit->state.pid;
    const auto& comm = facts.audit->daemon_comm;
    if (is_registered(facts)) {
        findings.push_back(ok("audit.daemon", fmt::format("lineaged (pid {}) is the registered audit daemon", pid)));
    } else if (pid != 0 && !comm.empty()) {
        findings.push_back(
            warn("audit.daemon",
                 fmt::format(
                     "{} (pid {}) is the registered audit daemon: lineaged can only listen along, and may miss records",
                     comm, pid),
                 take_registration(facts, facts.auditd_of_service  // its unit may refuse to be stopped
                                              ? "systemctl disable auditd; systemctl kill auditd; sleep 2; "
                                              : fmt::format("kill {}; sleep 2; ", pid))));
    } else {
        findings.push_back(bad("audit.daemon",
                               "no audit daemon is registered: records wait in the kernel, then are lost",
                               take_registration(facts, "")));
    }
}

void check_readers(const Facts& facts, Findings& findings) {
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

}  // namespace

void check_consumers(const Facts& facts, Findings& findings) {
    if (facts.audit) check_daemon(facts, findings);
    if (facts.auditd_enabled && facts.audit && is_registered(facts))
        findings.push_back(
            warn("audit.auditd",
                 "auditd.service is enabled too, and cannot be the audit daemon while lineaged is: its log stays "
                 "empty",
                 "systemctl disable auditd   # or, with audit_log in lineage.toml, lineaged writes that log"));
    check_readers(facts, findings);
}

}  // namespace lineage::doctor
