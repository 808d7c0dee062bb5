#include "lineage/audit/rule_words.hpp"

#include <libaudit.h>

#include <cstdlib>
#include <memory>
#include <sstream>
#include <string_view>

namespace lineage::audit {

namespace {

// Of auditctl's short options, those that take a value; of the long ones this one does.
constexpr std::string_view with_value = "aACdeFfkmpqRrSbwW";
constexpr const char* long_with_value = "--backlog_wait_time";

struct Free {
    void operator()(audit_rule_data* rule) const { std::free(rule); }
};

/// "never,task" and "task,never" are the same.
bool take_list(const std::string& text, audit_rule_data& rule) {
    const auto comma = text.find(',');
    if (comma == std::string::npos) return false;
    const auto one = text.substr(0, comma);
    const auto other = text.substr(comma + 1);
    for (const auto& [list, action] : {std::pair(one, other), std::pair(other, one)}) {
        const int flag = audit_name_to_flag(list.c_str());
        const int act = audit_name_to_action(action.c_str());
        if (flag < 0 || act < 0) continue;
        rule.flags = static_cast<std::uint32_t>(flag);
        rule.action = static_cast<std::uint32_t>(act);
        return true;
    }
    return false;
}

/// libaudit lets the rule grow, which may move it, and cuts `pair` apart.
bool take_field(std::string pair, std::unique_ptr<audit_rule_data, Free>& rule) {
    const int list = static_cast<int>(rule->flags);
    auto* raw = rule.release();
    const int failed = audit_rule_fieldpair_data(&raw, pair.data(), list);
    rule.reset(raw);
    return failed == 0;
}

}  // namespace

std::vector<LineOption> options_of_line(const std::string& line) {
    std::vector<LineOption> options;
    std::istringstream words(line);
    for (std::string word; words >> word;) {
        if (word.size() < 2 || word[0] != '-') continue;
        LineOption option{word, {}};
        if (word[1] == '-') {
            const auto equals = word.find('=');
            option = {word.substr(0, equals), equals == std::string::npos ? "" : word.substr(equals + 1)};
            if (option.name == long_with_value && equals == std::string::npos) words >> option.value;
        } else if (with_value.find(word[1]) != std::string_view::npos) {
            option = {word.substr(0, 2), word.substr(2)};
            if (option.value.empty()) words >> option.value;
        }
        options.push_back(option);
    }
    return options;
}

std::optional<WantedRule> rule_of_line(const std::vector<LineOption>& options) {
    std::unique_ptr<audit_rule_data, Free> rule(static_cast<audit_rule_data*>(std::calloc(1, sizeof(audit_rule_data))));
    WantedRule wanted;
    bool has_list = false;
    for (const auto& [name, value] : options) {
        if (name == "-a" || name == "-A") {
            if (has_list || !take_list(value, *rule)) return std::nullopt;
            has_list = true;
            wanted.first = name == "-A";
            wanted.of_calls = rule->flags == AUDIT_FILTER_EXIT;
        } else if (name == "-F" && has_list && !wanted.of_calls && !take_field(value, rule)) {
            return std::nullopt;
        }
    }
    if (!has_list) return std::nullopt;
    wanted.rule.assign(reinterpret_cast<const char*>(rule.get()), sizeof(audit_rule_data) + rule->buflen);
    return wanted;
}

}  // namespace lineage::audit
