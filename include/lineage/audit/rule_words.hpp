// Rules in auditctl's words (auditctl(8)), and back: a line of a file of rules is judged by the same pieces as a rule
// in force (weakness.hpp).
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace lineage::audit {

/// As auditctl takes it, one word each: "-a", "always,exclude", "-F", "msgtype=EXECVE". Of the calls of a rule of the
/// exit list only the first are named. Empty: it cannot be read.
std::vector<std::string> words_of_rule(const std::string& rule);

struct LineOption {
    std::string name;   ///< "-a", "--backlog_wait_time"
    std::string value;  ///< empty where it takes none
};
/// What a line of a file of rules says: auditctl cuts it at its blanks alone and reads it like a command line.
std::vector<LineOption> options_of_line(const std::string& line);

struct WantedRule {
    std::string rule;       ///< raw struct audit_rule_data, without its calls
    bool first = false;     ///< it goes to the front of its list (-A)
    bool of_calls = false;  ///< that is the exit list; then it is without its fields, too
};
/// The rule that a line asks for by -a or -A; nullopt: none, or one that auditctl refuses.
std::optional<WantedRule> rule_of_line(const std::vector<LineOption>& options);

}  // namespace lineage::audit
