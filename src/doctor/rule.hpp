// What the rules in force mean for our record. Which rule of others hides records is audit::hides_records' judgement,
// the rule guard's own.
#pragma once

#include <string>
#include <vector>

namespace lineage::doctor {

struct RuleReport {
    int ours = 0;           ///< how many we have
    int missing = 0;        ///< of them, not in force
    int before = 0;         ///< rules of others on the exit list that stand before our last one
    bool in_order = false;  ///< ours stand first, in their order
};

/// `rules` as the kernel lists them: raw struct audit_rule_data, in their order.
RuleReport review(const std::vector<std::string>& rules);

/// How the list of `rule` is called in a check's name: "never_task", "exclude". Empty: not one that hides records.
std::string list_name(const std::string& rule);
bool is_exclude(const std::string& rule);

}  // namespace lineage::doctor
