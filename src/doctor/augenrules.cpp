// What the files of audit rules will do when they are loaded: by auditd's start, by augenrules, by an administrator.
#include <algorithm>
#include <charconv>
#include <optional>

#include "checks.hpp"
#include "lineage/audit/rule_words.hpp"
#include "lineage/audit/weakness.hpp"
#include "mends.hpp"
#include "rule.hpp"
#include "settings.hpp"

namespace lineage::doctor {
namespace {

using Options = std::vector<audit::LineOption>;
using State = Finding::State;

/// A comment in its place: the numbers of the other lines stay what they are.
std::string drop(const RuleLine& line) {
    return fmt::format("sed -i '{}s/^/# /' {}", line.number, quoted(line.file));
}

std::optional<std::string> value_of(const Options& options, std::string_view name) {
    for (const auto& option : options)
        if (option.name == name) return option.value;
    return std::nullopt;
}

/// As auditctl reads it: a number of which nothing is left over.
std::optional<std::uint32_t> number_of(const std::string& text) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

void check_line_settings(const Facts& facts, const Options& options, const std::string& where, const RuleLine& line,
                         Findings& findings) {
    for (const auto& setting : kernel_settings()) {
        const auto text = value_of(options, setting.option);
        const auto value = text ? number_of(*text) : std::nullopt;
        if (!value) continue;
        const auto [state, found] = setting.judge(*value, facts);
        if (state != State::ok)
            findings.push_back({std::string("augenrules.") + setting.name, state, where + ": " + found, drop(line)});
        if (setting.value == &audit::KernelState::enabled && *value == 2)
            findings.push_back(warn("augenrules.lock",
                                    where + " locks audit; if our rules are not first by then, they never are",
                                    drop(line)));
    }
}

void check_line_rule(const Facts& facts, const Options& options, const std::string& where, const RuleLine& line,
                     Findings& findings) {
    const auto wanted = audit::rule_of_line(options);
    if (!wanted) return;
    if (wanted->of_calls) {
        if (wanted->first && facts.our_rule_file)
            findings.push_back(warn("augenrules.order",
                                    where + " stands before ours until lineaged puts them first again",
                                    fmt::format("sed -i '{}s/-A/-a/' {}", line.number, quoted(line.file))));
    } else if (audit::hides_records(wanted->rule)) {
        findings.push_back(bad("augenrules." + list_name(wanted->rule),
                               where + " hides what the history is made of until lineaged sets it aside", drop(line)));
    } else if (is_exclude(wanted->rule)) {
        findings.push_back(warn("augenrules.exclude", where + ": these records reach nobody", drop(line)));
    }
}

/// Ours, as they are in force, where they are loaded right behind the deletion: in a file that augenrules takes first,
/// or in the only one there is. The one about files of namespaces is of this boot alone.
std::string put_ours_behind(const Facts& facts, const RuleLine& line) {
    const bool has_ours = facts.audit && review(facts.audit->rules).missing == 0;
    if (!has_ours || !has_program(facts, "auditctl"))
        return by_hand(
            "first put our rules in force (see audit.rules), and have auditctl: what it lists then belongs "
            "into a file of rules");
    const auto ours = program(facts, "auditctl") + " -l -k lineage | grep -v devmajor ";
    if (line.file.starts_with(rules_folder)) return fmt::format("{}>{}00-lineage.rules", ours, rules_folder);
    return fmt::format("{}| sed -i '{}r /dev/stdin' {}", ours, line.number, quoted(line.file));
}

void check_deletion(const Facts& facts, const std::string& where, const RuleLine& line, Findings& findings) {
    if (facts.our_rule_file) {
        findings.push_back(
            ok("augenrules.delete", where + " deletes our rules, and they are in these files to be put back at once"));
    } else {
        findings.push_back(
            warn("augenrules.delete",
                 where + " deletes our rules whenever auditd starts; lineaged puts them back a moment later",
                 put_ours_behind(facts, line)));
    }
}

}  // namespace

void check_augenrules(const Facts& facts, Findings& findings) {
    if (facts.rule_files_hidden) {
        findings.push_back(skipped("augenrules", "the files in /etc/audit may not be read", ask_as_root(facts)));
        return;
    }
    const auto before = findings.size();
    for (const auto& line : facts.rule_lines) {
        const auto where = fmt::format("{}:{}: {}", line.file, line.number, line.text);
        const auto options = audit::options_of_line(line.text);
        const auto deletes =
            value_of(options, "-D").has_value() && value_of(options, "-k").value_or("lineage") == "lineage";
        if (deletes) check_deletion(facts, where, line, findings);
        check_line_settings(facts, options, where, line, findings);
        check_line_rule(facts, options, where, line, findings);
    }
    if (findings.size() == before) findings.push_back(ok("augenrules", "no file of audit rules deletes ours"));
}

}  // namespace lineage::doctor
