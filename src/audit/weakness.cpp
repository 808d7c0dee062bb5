#include "lineage/audit/weakness.hpp"

#include <fmt/format.h>
#include <libaudit.h>
#include <linux/magic.h>

#include <algorithm>

#include "rule_view.hpp"

namespace lineage::audit {

namespace {

using model::Weakness;

constexpr std::size_t rules_named_max = 3;  // in one sentence

/// The records that the history is made of. PROCTITLE is not among them: it only closes events that lack an EOE.
constexpr std::uint32_t needed_types[] = {AUDIT_SYSCALL, AUDIT_EXECVE,        AUDIT_PATH,  AUDIT_CWD,       AUDIT_EOE,
                                          AUDIT_OBJ_PID, AUDIT_CONFIG_CHANGE, AUDIT_LOGIN, AUDIT_ANOM_ABEND};

/// audit_comparator in kernel/auditfilter.c.
bool holds(std::uint32_t left, std::uint32_t comparison, std::uint32_t right) {
    switch (comparison) {
        case AUDIT_EQUAL:
            return left == right;
        case AUDIT_NOT_EQUAL:
            return left != right;
        case AUDIT_LESS_THAN:
            return left < right;
        case AUDIT_LESS_THAN_OR_EQUAL:
            return left <= right;
        case AUDIT_GREATER_THAN:
            return left > right;
        case AUDIT_GREATER_THAN_OR_EQUAL:
            return left >= right;
        default:
            return true;  // what we cannot judge may match
    }
}

bool drops_needed(const RuleView& rule) {
    return std::any_of(std::begin(needed_types), std::end(needed_types), [&](std::uint32_t type) {
        return std::all_of(rule.fields.begin(), rule.fields.end(), [&](const RuleField& field) {
            return field.name != AUDIT_MSGTYPE || holds(type, field.comparison, field.value);
        });
    });
}

/// What many distributions leave out, and where no program lies.
bool is_of_tracing(const RuleView& rule) {
    return std::any_of(rule.fields.begin(), rule.fields.end(), [](const RuleField& field) {
        return field.name == AUDIT_FSTYPE && field.comparison == AUDIT_EQUAL &&
               (field.value == DEBUGFS_MAGIC || field.value == TRACEFS_MAGIC);
    });
}

std::string list_of(const std::vector<std::string>& rules) {
    std::string text;
    for (std::size_t i = 0; i < std::min(rules.size(), rules_named_max); ++i)
        text += (i == 0 ? "" : ", ") + text_of_rule(rules[i]);
    if (rules.size() > rules_named_max) text += fmt::format(" and {} more", rules.size() - rules_named_max);
    return text;
}

bool begins_with(const std::vector<std::string>& rules, const std::vector<std::string>& ours) {
    return rules.size() >= ours.size() && std::equal(ours.begin(), ours.end(), rules.begin());
}

void find_in_exit_list(const std::vector<std::string>& exit, std::vector<Finding>& found) {
    const auto ours = lineage_rules();
    const auto in_force = in_first_writing(exit);
    if (begins_with(in_force, ours)) return;
    const auto is_in = [](const std::vector<std::string>& all, const std::string& one) {
        return std::find(all.begin(), all.end(), one) != all.end();
    };
    std::vector<std::string> missing;
    std::copy_if(ours.begin(), ours.end(), std::back_inserter(missing),
                 [&](const std::string& rule) { return !is_in(in_force, rule); });
    if (!missing.empty())
        found.push_back({Weakness::rules_removed,
                         fmt::format("{} of {} rules missing: {}", missing.size(), ours.size(), list_of(missing)),
                         {},
                         0});
    // What stands before the last of ours that is left, and is none of ours.
    auto last = in_force.end();
    while (last != in_force.begin() && !is_in(ours, *std::prev(last))) --last;
    std::vector<std::string> before;
    std::copy_if(in_force.begin(), last, std::back_inserter(before),
                 [&](const std::string& rule) { return !is_in(ours, rule); });
    if (!before.empty()) {
        found.push_back({Weakness::rules_outranked, "a rule in front of ours: " + list_of(before), {}, 0});
    } else if (missing.empty()) {
        found.push_back({Weakness::rules_outranked, "our rules in another order", {}, 0});
    }
}

void find_in_settings(const KernelState& state, const Wanted& wanted, std::vector<Finding>& found) {
    const auto changed = [&](Weakness kind, const char* name, std::uint32_t from, std::uint32_t to) {
        found.push_back({kind, fmt::format("{} {} -> {}", name, from, to), {}, 0});
    };
    if (state.enabled == 0) changed(Weakness::disabled, "audit enabled", 1, 0);
    if (state.rate_limit != 0) changed(Weakness::rate_limit, "rate limit", 0, state.rate_limit);
    if (wanted.pid == 0) return;
    if (state.pid != wanted.pid) {
        changed(Weakness::registration, "registered audit daemon", wanted.pid, state.pid);
        found.back().by = static_cast<model::Pid>(state.pid);  // nobody can register another one
    }
    // 0 is no limit (audit_log_start in kernel/audit.c).
    if (state.backlog_limit != 0 && state.backlog_limit < wanted.backlog_limit)
        changed(Weakness::backlog_limit, "backlog limit", wanted.backlog_limit, state.backlog_limit);
    if (state.backlog_wait_time < wanted.backlog_wait_time)
        changed(Weakness::backlog_wait, "backlog wait time", wanted.backlog_wait_time, state.backlog_wait_time);
}

}  // namespace

bool hides_records(const std::string& rule) {
    const auto view = view_of(rule);
    if (!view) return false;
    switch (view->list) {
        case AUDIT_FILTER_TASK:
            return view->action == AUDIT_NEVER;
        case AUDIT_FILTER_EXCLUDE:
            return drops_needed(*view);
        case AUDIT_FILTER_FS:
            return view->action == AUDIT_NEVER && !is_of_tracing(*view);
        default:
            return false;
    }
}

bool are_first(const std::vector<std::string>& exit) {
    return begins_with(in_first_writing(exit), lineage_rules());
}

std::int64_t count_excludes(const std::vector<std::string>& rules) {
    return std::count_if(rules.begin(), rules.end(), [](const std::string& rule) {
        const auto view = view_of(rule);
        return view && view->list == AUDIT_FILTER_EXCLUDE;
    });
}

std::vector<std::string> exit_rules(const std::vector<std::string>& rules) {
    std::vector<std::string> exit;
    std::copy_if(rules.begin(), rules.end(), std::back_inserter(exit), [](const std::string& rule) {
        const auto view = view_of(rule);
        return view && view->list == AUDIT_FILTER_EXIT;
    });
    return exit;
}

std::vector<Finding> find_weaknesses(const Picture& picture, const Wanted& wanted) {
    std::vector<Finding> found;
    find_in_settings(picture.state, wanted, found);
    if (!wanted.rules) return found;
    for (const auto& rule : picture.rules) {
        if (!hides_records(rule)) continue;
        const bool of_tasks = view_of(rule)->list == AUDIT_FILTER_TASK;
        found.push_back({of_tasks ? Weakness::tasks_exempted : Weakness::records_excluded,
                         (of_tasks ? "new tasks exempted from audit: " : "records dropped: ") + text_of_rule(rule),
                         rule, 0});
    }
    find_in_exit_list(exit_rules(picture.rules), found);
    return found;
}

}  // namespace lineage::audit
