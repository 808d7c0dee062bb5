// A raw struct audit_rule_data, taken apart without trusting it.
#pragma once

#include <linux/audit.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace lineage::audit {

struct RuleField {
    std::uint32_t name = 0;        ///< AUDIT_ARCH, AUDIT_MSGTYPE, ...
    std::uint32_t comparison = 0;  ///< AUDIT_EQUAL, ...
    std::uint32_t value = 0;
    std::string_view text;  ///< of the fields that carry one
};

struct RuleView {
    std::uint32_t list = 0;    ///< AUDIT_FILTER_*
    std::uint32_t action = 0;  ///< AUDIT_NEVER, AUDIT_ALWAYS
    std::array<std::uint32_t, AUDIT_BITMASK_SIZE> calls{};
    std::vector<RuleField> fields;
};

/// nullopt when it is too short for what it says it holds.
std::optional<RuleView> view_of(std::string_view rule);

}  // namespace lineage::audit
