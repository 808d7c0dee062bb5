#include "rule.hpp"

#include <linux/audit.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "lineage/audit/control.hpp"
#include "lineage/audit/weakness.hpp"

namespace lineage::doctor {
namespace {

std::uint32_t list_of(const std::string& rule) {
    audit_rule_data head{};
    std::memcpy(&head, rule.data(), std::min(rule.size(), sizeof head));
    return head.flags & ~std::uint32_t{AUDIT_FILTER_PREPEND};
}

bool contains(const std::vector<std::string>& rules, const std::string& rule) {
    return std::find(rules.begin(), rules.end(), rule) != rules.end();
}

}  // namespace

RuleReport review(const std::vector<std::string>& rules) {
    RuleReport report;
    const auto exit = audit::in_first_writing(audit::exit_rules(rules));
    auto ours = audit::lineage_rules();
    // Before lineaged runs there are those that a file of rules can have.
    if (std::none_of(ours.begin(), ours.end(),
                     [&](const auto& rule) { return audit::needs_proc(rule) && contains(exit, rule); }))
        std::erase_if(ours, audit::needs_proc);
    report.ours = static_cast<int>(ours.size());
    std::set<std::string> found;
    int others = 0;
    for (const auto& rule : exit) {
        if (!contains(ours, rule)) {
            ++others;
        } else if (found.insert(rule).second) {
            report.before = others;
        }
    }
    report.missing = report.ours - static_cast<int>(found.size());
    report.in_order = exit.size() >= ours.size() && std::equal(ours.begin(), ours.end(), exit.begin());
    return report;
}

bool is_exclude(const std::string& rule) {
    return list_of(rule) == AUDIT_FILTER_EXCLUDE;
}

std::string list_name(const std::string& rule) {
    switch (list_of(rule)) {
        case AUDIT_FILTER_TASK:
            return "never_task";
        case AUDIT_FILTER_EXCLUDE:
            return "exclude";
        case AUDIT_FILTER_FS:
            return "never_filesystem";
        default:
            return {};
    }
}

}  // namespace lineage::doctor
