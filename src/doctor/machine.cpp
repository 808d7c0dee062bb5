// What else on the machine may undo recording: journald, the clock.
#include <cstdlib>

#include "checks.hpp"
#include "mends.hpp"

namespace lineage::doctor {
namespace {

constexpr model::TimeNs step_ns_min = 1'000'000'000;
constexpr const char* journald_folder = "/etc/systemd/journald.conf.d";
constexpr const char* journald_dropin = "zz-lineage.conf";  // read last, so that it counts

/// A drop-in of ours that is read behind the one that counts now; where there can be none, that one is changed.
std::string let_journald_be(const Facts& facts) {
    const auto& by = facts.journald_file;
    const std::string restart = facts.has_systemd ? " && systemctl restart systemd-journald" : "";
    if (by.substr(by.rfind('/') + 1) >= journald_dropin)
        return fmt::format("sed -i -E 's/^[[:space:]]*Audit[[:space:]]*=.*/Audit=/' {}{}", quoted(by), restart);
    return fmt::format("mkdir -p {0} && (echo '[Journal]'; echo 'Audit=') >{0}/{1}{2}", journald_folder,
                       journald_dropin, restart);
}

std::string keep_clock(const Facts& facts) {
    if (!facts.has_systemd) return by_hand("run a time service, such as chrony");
    return std::string(facts.has_time_service ? "" : "apt-get install systemd-timesyncd && ") +
           "timedatectl set-ntp true";
}

}  // namespace

void check_journald(const Facts& facts, Findings& findings) {
    if (!facts.journald_audit) return;
    const auto& audit = *facts.journald_audit;
    if (audit == "no") {
        const auto by = facts.journald_file.empty() ? "which is Debian's default" : "by " + facts.journald_file;
        findings.push_back(bad("journald.audit",
                               fmt::format("systemd-journald switches audit off whenever it starts (Audit=no, {})", by),
                               let_journald_be(facts)));
    } else {
        findings.push_back(
            ok("journald.audit", audit.empty()
                                     ? "systemd-journald leaves audit as it is (Audit= is empty)"
                                     : "systemd-journald switches audit on when it starts (Audit=" + audit + ")"));
    }
}

void check_clock(const Facts& facts, Findings& findings) {
    if (facts.clock_synchronized) {
        findings.push_back(ok("clock.synchronized", "the clock is kept by NTP or the like"));
    } else {
        findings.push_back(warn("clock.synchronized",
                                "nothing keeps the clock right: times here do not compare with other machines'",
                                keep_clock(facts)));
    }
    if (!facts.database.boot_started_ns) return;
    const auto stepped_ns = facts.now_ns - facts.boottime_ns - *facts.database.boot_started_ns;
    if (std::abs(stepped_ns) > step_ns_min) {
        findings.push_back(
            warn("clock.steps",
                 fmt::format("the clock was set {} by {:.1f} s since this boot was first recorded: times before and "
                             "after do not compare",
                             stepped_ns > 0 ? "forward" : "back", static_cast<double>(std::abs(stepped_ns)) / 1e9),
                 by_hand("that stays so until the next boot; lineage status says when")));
    } else {
        findings.push_back(ok("clock.steps", "the clock was not set since this boot was first recorded"));
    }
}

}  // namespace lineage::doctor
