// What is wrong with the kernel's audit state for a recorder that wants all of its records. Pure: a picture in,
// findings out. Which rules matter follows from how the kernel walks them (kernel/auditsc.c, kernel/auditfilter.c):
//
// - exit list: the first rule that matches decides, so ours have to stand first, in their order.
// - task list: a `never` that matches a new task leaves it without an audit context for its whole life. An `always` in
//   front of it would outrank it, but makes every system call of every task a record: so it cannot be outranked, only
//   removed.
// - exclude list: a rule that matches a record drops it, whatever its action. It cannot be outranked either.
// - filesystem list: a `never` leaves out the PATH records of files there (__audit_inode), among them that of a script.
// - user and io_uring lists say nothing about what we record.
#pragma once

#include <string>
#include <vector>

#include "lineage/audit/control.hpp"
#include "lineage/model/process.hpp"

namespace lineage::audit {

struct Finding {
    model::Weakness kind;
    std::string what;   ///< a sentence's half: "2 of 10 rules missing: -a ..., -a ...", "rate limit 0 -> 5"
    std::string rule;   ///< the one to be removed, raw (tasks_exempted, records_excluded)
    model::Pid by = 0;  ///< who did it, where the finding itself says it: whoever is registered instead of us
};

struct Wanted {
    bool rules = false;     ///< lineage_rules(), in either writing, are ours to defend
    std::uint32_t pid = 0;  ///< the registered daemon; 0: not ours to defend, nor is the backlog
    std::uint32_t backlog_limit = 0;
    std::uint32_t backlog_wait_time = 0;  ///< raw
};

std::vector<Finding> find_weaknesses(const Picture& picture, const Wanted& wanted);

/// Would it keep records from us that no rule of ours can bring back? See above.
bool hides_records(const std::string& rule);
/// Do our rules stand first in `exit`, the exit list, in their order?
bool are_first(const std::vector<std::string>& exit);
/// The rules of the exit list, in their order.
std::vector<std::string> exit_rules(const std::vector<std::string>& rules);
/// How many are in the exclude list.
std::int64_t count_excludes(const std::vector<std::string>& rules);
/// As auditctl -l would write it: "-a always,exit -F arch=b64 -S fork,vfork -F key=lineage"; but one line of printable
/// ASCII, other bytes as \ooo.
std::string text_of_rule(const std::string& rule);

}  // namespace lineage::audit
