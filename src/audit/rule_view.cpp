#include "rule_view.hpp"

#include <algorithm>
#include <cstring>

namespace lineage::audit {

namespace {

/// The fields that carry a string are those that audit_data_to_entry in kernel/auditfilter.c unpacks.
bool has_text(std::uint32_t name) {
    return (name >= AUDIT_SUBJ_USER && name <= AUDIT_SUBJ_CLR) ||
           (name >= AUDIT_OBJ_USER && name <= AUDIT_OBJ_LEV_HIGH) || name == AUDIT_WATCH || name == AUDIT_DIR ||
           name == AUDIT_FILTERKEY || name == AUDIT_EXE;
}

}  // namespace

std::optional<RuleView> view_of(std::string_view rule) {
    audit_rule_data head{};
    if (rule.size() < sizeof head) return std::nullopt;
    std::memcpy(&head, rule.data(), sizeof head);
    RuleView view;
    view.list = head.flags & ~static_cast<std::uint32_t>(AUDIT_FILTER_PREPEND);
    view.action = head.action;
    std::copy(std::begin(head.mask), std::end(head.mask), view.calls.begin());
    // Strings of the fields stand one behind the other in buf, in the order of the fields.
    auto texts = rule.substr(sizeof head);
    const auto count = std::min<std::uint32_t>(head.field_count, AUDIT_MAX_FIELDS);
    for (std::uint32_t i = 0; i < count; ++i) {
        RuleField field{head.fields[i], head.fieldflags[i], head.values[i], {}};
        if (has_text(field.name)) {
            if (texts.size() < field.value) return std::nullopt;
            field.text = texts.substr(0, field.value);
            texts.remove_prefix(field.value);
        }
        view.fields.push_back(field);
    }
    return view;
}

}  // namespace lineage::audit
