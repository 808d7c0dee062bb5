#include "rule.hpp"

#include <linux/audit.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <set>

#include "lineage/audit/control.hpp"

namespace lineage::doctor {
namespace {

/// The types that an exec, fork or exit is made of (linux/audit.h).
constexpr std::uint32_t our_types[] = {AUDIT_SYSCALL, AUDIT_EXECVE, AUDIT_CWD, AUDIT_PATH, AUDIT_PROCTITLE, AUDIT_EOE};

bool drops_our_types(const audit_rule_data& rule) {
    for (std::uint32_t i = 0; i < std::min<std::uint32_t>(rule.field_count, AUDIT_MAX_FIELDS); ++i) {
        if (rule.fields[i] != AUDIT_MSGTYPE) continue;
        const auto value = rule.values[i];
        const auto is_dropped = [&](std::uint32_t type) {
            switch (rule.fieldflags[i]) {
                case AUDIT_EQUAL:
                    return type == value;
                case AUDIT_NOT_EQUAL:
                    return type != value;
                case AUDIT_LESS_THAN:
                    return type < value;
                case AUDIT_LESS_THAN_OR_EQUAL:
                    return type <= value;
                case AUDIT_GREATER_THAN:
                    return type > value;
                case AUDIT_GREATER_THAN_OR_EQUAL:
                    return type >= value;
                default:
                    return false;
            }
        };
        if (std::any_of(std::begin(our_types), std::end(our_types), is_dropped)) return true;
    }
    return false;
}

}  // namespace

RuleReport review(const std::vector<std::string>& rules) {
    RuleReport report;
    auto ours = audit::lineage_rules();
    const auto written = audit::in_first_writing(rules);
    // Before lineaged runs there are those that a file of rules can have.
    const auto is_there = [&](const std::string& rule) {
        return std::find(written.begin(), written.end(), rule) != written.end();
    };
    if (std::none_of(ours.begin(), ours.end(),
                     [&](const auto& rule) { return audit::needs_proc(rule) && is_there(rule); }))
        std::erase_if(ours, audit::needs_proc);
    report.ours = static_cast<int>(ours.size());
    std::set<std::string> found;
    int others = 0;
    for (const auto& raw : written) {
        audit_rule_data rule{};
        std::memcpy(&rule, raw.data(), std::min(raw.size(), sizeof rule));
        const auto list = rule.flags & ~std::uint32_t{AUDIT_FILTER_PREPEND};
        if (std::find(ours.begin(), ours.end(), raw) != ours.end()) {
            if (found.insert(raw).second) report.before = others;
        } else if (list == AUDIT_FILTER_EXIT) {
            ++others;
        } else if (list == AUDIT_FILTER_TASK && rule.action == AUDIT_NEVER) {
            ++report.never_task;
        } else if (list == AUDIT_FILTER_EXCLUDE) {
            ++report.excludes;
            if (drops_our_types(rule)) ++report.hides_ours;
        }
    }
    report.missing = report.ours - static_cast<int>(found.size());
    return report;
}

}  // namespace lineage::doctor
