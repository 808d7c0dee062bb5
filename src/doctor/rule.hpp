// What the rules in force mean for our record.
#pragma once

#include <string>
#include <vector>

namespace lineage::doctor {

struct RuleReport {
    int ours = 0;        ///< how many we have
    int missing = 0;     ///< of them, not in force
    int before = 0;      ///< rules of others on the exit list that stand before our last one
    int never_task = 0;  ///< rules that take audit from whole processes
    int excludes = 0;    ///< rules that drop records, by any field
    int hides_ours = 0;  ///< of them, those that drop a type of record the history is made of
};

/// `rules` as the kernel lists them: raw struct audit_rule_data, in their order.
RuleReport review(const std::vector<std::string>& rules);

}  // namespace lineage::doctor
