// What else on the machine may undo recording: journald, augenrules, the clock.
#include <cstdlib>

#include "checks.hpp"

namespace lineage::doctor {
namespace {

constexpr model::TimeNs step_ns_min = 1'000'000'000;

}  // namespace

void check_journald(const Facts& facts, Findings& findings) {
    if (!facts.journald_audit) return;
    const auto& audit = *facts.journald_audit;
    if (audit == "no") {
        findings.push_back(
            bad("journald.audit",
                "systemd-journald switches audit off whenever it starts (Audit=no, which is Debian's default)",
                "mkdir -p /etc/systemd/journald.conf.d && (echo '[Journal]'; echo 'Audit=') "
                ">/etc/systemd/journald.conf.d/50-lineage.conf && systemctl restart systemd-journald"));
    } else {
        findings.push_back(
            ok("journald.audit", audit.empty()
                                     ? "systemd-journald leaves audit as it is (Audit= is empty)"
                                     : "systemd-journald switches audit on when it starts (Audit=" + audit + ")"));
    }
}

void check_augenrules(const Facts& facts, Findings& findings) {
    if (facts.rule_files_hidden) {
        findings.push_back(skipped("augenrules", "the files in /etc/audit may not be read", "sudo lineage doctor"));
        return;
    }
    for (const auto& line : facts.rule_lines) {
        const auto where = fmt::format("{}:{}: {}", line.file, line.number, line.text);
        const auto drop_line = fmt::format("sed -i '{}d' {} && augenrules --load", line.number, line.file);
        if (line.text.find("never,task") != std::string::npos || line.text.find("task,never") != std::string::npos) {
            findings.push_back(bad("augenrules.never_task", where + " hides every process from audit", drop_line));
        } else if (line.text.starts_with("-e 2")) {
            findings.push_back(warn("augenrules.lock",
                                    where + " locks audit; if our rules are not first by then, they never are",
                                    drop_line));
        } else if (line.text.starts_with("-D") && facts.our_rule_file) {
            findings.push_back(
                ok("augenrules.delete", where + " deletes our rules, and 00-lineage.rules puts them back at once"));
        } else if (line.text.starts_with("-D")) {
            findings.push_back(
                warn("augenrules.delete",
                     where + " deletes our rules whenever auditd starts; lineaged puts them back a moment later",
                     "install -m 0640 /usr/share/lineage/00-lineage.rules /etc/audit/rules.d/"));
        }
    }
    if (findings.empty() || !findings.back().name.starts_with("augenrules"))
        findings.push_back(ok("augenrules", "no file of audit rules deletes ours"));
}

void check_clock(const Facts& facts, Findings& findings) {
    if (facts.clock_synchronized) {
        findings.push_back(ok("clock.synchronized", "the clock is kept by NTP or the like"));
    } else {
        findings.push_back(warn("clock.synchronized",
                                "nothing keeps the clock right: times here do not compare with other machines'",
                                "timedatectl set-ntp true"));
    }
    if (!facts.database.boot_started_ns) return;
    const auto stepped_ns = facts.now_ns - facts.boottime_ns - *facts.database.boot_started_ns;
    if (std::abs(stepped_ns) > step_ns_min) {
        findings.push_back(
            warn("clock.steps",
                 fmt::format("the clock was set {} by {:.1f} s since this boot was first recorded: times before and "
                             "after do not compare",
                             stepped_ns > 0 ? "forward" : "back", static_cast<double>(std::abs(stepped_ns)) / 1e9),
                 "lineage status   # the gaps say when"));
    } else {
        findings.push_back(ok("clock.steps", "the clock was not set since this boot was first recorded"));
    }
}

}  // namespace lineage::doctor
