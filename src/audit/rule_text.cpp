// A rule in auditctl's words (auditctl(8)).
#include <fmt/format.h>
#include <libaudit.h>

#include "lineage/audit/rule_words.hpp"
#include "lineage/audit/weakness.hpp"
#include "rule_view.hpp"

namespace lineage::audit {

namespace {

constexpr int calls_named_max = 8;
// The highest bits are classes of calls, which the kernel replaces by what is in them (audit_to_entry_common in
// kernel/auditfilter.c).
constexpr unsigned calls_end = AUDIT_BITMASK_SIZE * 32 - AUDIT_SYSCALL_CLASSES;

std::string word(const char* name, std::uint32_t number) {
    return name != nullptr ? std::string(name) : fmt::format("{}", number);
}

std::string arch_text(std::uint32_t arch) {
    return (arch & __AUDIT_ARCH_64BIT) != 0 ? "b64" : "b32";
}

bool has_call(const RuleView& rule, unsigned number) {
    return (rule.calls[AUDIT_WORD(number)] & AUDIT_BIT(number)) != 0;
}

/// "all", or the first names and how many more.
std::string calls_text(const RuleView& rule) {
    int machine = audit_detect_machine();
    for (const RuleField& field : rule.fields)
        if (field.name == AUDIT_ARCH) machine = audit_elf_to_machine(field.value);
    std::string text;
    int named = 0;
    int unnamed = 0;
    bool all = true;
    for (unsigned number = 0; number < calls_end; ++number) {
        if (!has_call(rule, number)) {
            all = false;
            continue;
        }
        if (++named > calls_named_max) {
            ++unnamed;
            continue;
        }
        const char* const name = audit_syscall_to_name(static_cast<int>(number), machine);
        text += (named == 1 ? "" : ",") + word(name, number);
    }
    if (all) return "all";
    return unnamed == 0 ? text : fmt::format("{} and {} more", text, unnamed);
}

/// A key or a path is whatever bytes who made the rule wanted: in a log line, no end of it and no order to a terminal.
std::string printable(std::string_view bytes) {
    std::string text;
    for (const char c : bytes) {
        if (c > 0x1f && c < 0x7f && c != '\\')
            text += c;
        else
            text += fmt::format("\\{:03o}", static_cast<unsigned char>(c));
    }
    return text;
}

std::string value_text(const RuleField& field) {
    switch (field.name) {
        case AUDIT_ARCH:
            return arch_text(field.value);
        case AUDIT_MSGTYPE:
            return word(audit_msg_type_to_name(static_cast<int>(field.value)), field.value);
        case AUDIT_FSTYPE:  // a magic number; auditctl takes none below 0
            return fmt::format("{}", field.value);
        default:
            if (field.text.data() != nullptr) return printable(field.text);
            return fmt::format("{}", static_cast<std::int32_t>(field.value));
    }
}

}  // namespace

std::vector<std::string> words_of_rule(const std::string& rule) {
    const auto view = view_of(rule);
    if (!view) return {};
    std::vector<std::string> words = {
        "-a", fmt::format("{},{}", word(audit_action_to_name(static_cast<int>(view->action)), view->action),
                          word(audit_flag_to_name(static_cast<int>(view->list)), view->list))};
    bool calls_said = view->list != AUDIT_FILTER_EXIT;
    const auto say_calls = [&] {
        if (!calls_said) words.insert(words.end(), {"-S", calls_text(*view)});
        calls_said = true;
    };
    for (const RuleField& field : view->fields) {
        if (field.name != AUDIT_ARCH) say_calls();  // auditctl wants the table named before the calls
        words.insert(words.end(),
                     {"-F", word(audit_field_to_name(static_cast<int>(field.name)), field.name) +
                                audit_operator_to_symbol(static_cast<int>(field.comparison)) + value_text(field)});
    }
    say_calls();
    return words;
}

std::string text_of_rule(const std::string& rule) {
    const auto words = words_of_rule(rule);
    if (words.empty()) return "a rule that cannot be read";
    return fmt::format("{}", fmt::join(words, " "));
}

}  // namespace lineage::audit
