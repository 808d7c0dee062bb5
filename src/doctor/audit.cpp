// The kernel's audit as it stands, and who reads it.
#include <fmt/ranges.h>

#include <algorithm>

#include "checks.hpp"
#include "lineage/audit/rule_words.hpp"
#include "lineage/audit/weakness.hpp"
#include "mends.hpp"
#include "rule.hpp"
#include "settings.hpp"

namespace lineage::doctor {
namespace {

using State = Finding::State;

void check_setting(const Facts& facts, const KernelSetting& setting, Findings& findings) {
    const auto value = facts.audit->state.*setting.value;
    auto [state, found] = setting.judge(value, facts);
    std::string mend;
    if (state != State::ok)
        mend = control_audit(facts, fmt::format("{} {}", setting.option, setting.right(facts)), setting.by_lineaged);
    const bool journald = facts.has_systemd && facts.journald_audit && *facts.journald_audit == "no";
    if (setting.value == &audit::KernelState::enabled && value == 0 && journald)
        found += ", as systemd-journald does when it starts (see journald.audit)";
    findings.push_back({std::string("audit.") + setting.name, state, std::move(found), std::move(mend)});
}

/// `auditctl -d ...` of each, as they stand in force.
std::string remove_rules(const Facts& facts, const std::vector<std::string>& rules, bool by_lineaged) {
    std::vector<std::string> mends;
    for (const auto& rule : rules) {
        auto words = audit::words_of_rule(rule);
        if (words.empty()) continue;
        words[0] = "-d";
        for (auto& word : words) word = quoted(word);
        const auto mend = control_audit(facts, fmt::format("{}", fmt::join(words, " ")), by_lineaged);
        if (std::find(mends.begin(), mends.end(), mend) == mends.end()) mends.push_back(mend);
    }
    return fmt::format("{}", fmt::join(mends, "; "));
}

/// What puts ours where they belong.
std::string put_rules_first(const Facts& facts) {
    const bool leaves_rules = !facts.settings.values.rules;
    if (facts.audit->state.enabled == 2) return control_audit(facts, "", true);
    if (!leaves_rules) return set_recording(facts);
    return by_hand("lineaged is told to leave the rules alone (install = false, or --no-rules): take that back, then " +
                   set_recording(facts));
}

void check_rules_of_others(const Facts& facts, const char* name, const char* nothing, const char* meaning,
                           Findings& findings) {
    std::vector<std::string> hiding;
    std::copy_if(facts.audit->rules.begin(), facts.audit->rules.end(), std::back_inserter(hiding),
                 [&](const std::string& rule) { return audit::hides_records(rule) && list_name(rule) == name; });
    const auto check = std::string("audit.") + name;
    if (hiding.empty()) {
        findings.push_back(ok(check, nothing));
        return;
    }
    findings.push_back(
        bad(check,
            fmt::format("{}{}: {}", audit::text_of_rule(hiding.front()),
                        hiding.size() == 1 ? "" : fmt::format(" and {} more", hiding.size() - 1), meaning),
            remove_rules(facts, hiding, facts.settings.values.rules)));
}

/// Exclude rules that the history does not suffer from.
void check_excludes(const Facts& facts, Findings& findings) {
    std::vector<std::string> rules;
    std::copy_if(facts.audit->rules.begin(), facts.audit->rules.end(), std::back_inserter(rules),
                 [&](const std::string& rule) { return is_exclude(rule) && !audit::hides_records(rule); });
    if (rules.empty() || findings.back().state != State::ok) return;
    findings.back() = warn("audit.exclude",
                           fmt::format("{}{}: these records reach nobody", audit::text_of_rule(rules.front()),
                                       rules.size() == 1 ? "" : fmt::format(" and {} more", rules.size() - 1)),
                           remove_rules(facts, rules, false));
}

}  // namespace

void check_audit(const Facts& facts, Findings& findings) {
    if (!facts.audit) {
        if (facts.audit_needs_privilege) {
            findings.push_back(skipped("audit", facts.audit_refused, ask_as_root(facts)));
        } else {
            findings.push_back(
                bad("audit", facts.audit_refused,
                    by_hand("boot a kernel that has audit, without audit=0 (see boot.audit), and not in a container; "
                            "until then lineaged --source connector sees what the process connector does")));
        }
        return;
    }
    for (const auto& setting : kernel_settings()) check_setting(facts, setting, findings);
    const auto lost = facts.audit->state.lost;
    if (lost != 0) {
        findings.push_back(warn(
            "audit.lost", fmt::format("the kernel has lost {} records since it was booted or the count reset", lost),
            by_hand("what is lost stays lost: lineage status says when, and the count begins anew with a boot")));
    } else {
        findings.push_back(ok("audit.lost", "the kernel has lost no record"));
    }
}

void check_rules(const Facts& facts, Findings& findings) {
    if (!facts.audit) return;
    const auto report = review(facts.audit->rules);
    if (report.missing != 0) {
        findings.push_back(bad("audit.rules",
                               fmt::format("{} of our {} rules are not in force", report.missing, report.ours),
                               put_rules_first(facts)));
    } else if (report.before != 0) {
        findings.push_back(bad("audit.rules",
                               fmt::format("{} rules of others stand before ours, and decide first", report.before),
                               put_rules_first(facts)));
    } else if (!report.in_order) {
        findings.push_back(bad("audit.rules", "our rules stand in another order, and the first that matches decides",
                               put_rules_first(facts)));
    } else {
        findings.push_back(ok("audit.rules", fmt::format("our {} rules are in force and stand first", report.ours)));
    }
    check_rules_of_others(facts, "never_task", "no never,task rule",
                          "who is forked under it is invisible to audit for its whole life", findings);
    check_rules_of_others(facts, "never_filesystem", "no rule hides a file system's paths",
                          "what is executed from there has no path", findings);
    check_rules_of_others(facts, "exclude", "no rule drops records", "it drops records that the history is made of",
                          findings);
    check_excludes(facts, findings);
}

}  // namespace lineage::doctor
