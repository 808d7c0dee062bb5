// Goal: our rules have the order, tables and fields that they must have, and are told from other people's.
// Method: the raw rules are read back as struct audit_rule_data; nothing here touches the kernel.
#include "lineage/audit/control.hpp"

#include <doctest/doctest.h>
#include <libaudit.h>

#include <cstring>
#include <memory>

using namespace lineage;

namespace {

bool has_call(const std::string& rule, int number) {
    std::uint32_t mask[AUDIT_BITMASK_SIZE];
    std::memcpy(mask, rule.data() + offsetof(audit_rule_data, mask), sizeof mask);
    const auto nr = static_cast<std::uint32_t>(number);
    return (mask[AUDIT_WORD(nr)] & AUDIT_BIT(nr)) != 0;
}

std::uint32_t word(const std::string& rule, std::size_t offset) {
    std::uint32_t value = 0;
    std::memcpy(&value, rule.data() + offset, sizeof value);
    return value;
}
std::uint32_t action(const std::string& rule) {
    return word(rule, offsetof(audit_rule_data, action));
}
std::uint32_t arch(const std::string& rule) {
    return word(rule, offsetof(audit_rule_data, values));
}

}  // namespace

TEST_CASE("the thread filter stands before the rule that it is an exception from") {
    bool filtered = false;
    std::uint32_t filtered_arch = 0;
    for (const auto& rule : audit::lineage_rules()) {
        if (action(rule) == AUDIT_NEVER) filtered = true, filtered_arch = arch(rule);
        if (action(rule) != AUDIT_ALWAYS) continue;
        CHECK(filtered);
        CHECK(arch(rule) == filtered_arch);
    }
}

#if defined(__x86_64__)
TEST_CASE("both system call tables are covered, each by its own numbers") {
    const auto rules = audit::lineage_rules();
    const auto watched = [&](std::uint32_t table, int number) {
        for (const auto& rule : rules)
            if (arch(rule) == table && action(rule) == AUDIT_ALWAYS && has_call(rule, number)) return true;
        return false;
    };
    for (const int number : {57, 58, 56, 435, 59, 322, 60, 231, 105, 106, 113, 114, 117, 119, 272, 308, 157})
        CHECK_MESSAGE(watched(AUDIT_ARCH_X86_64, number), number);
    for (const int number : {2, 190, 120, 435, 11, 358, 1, 252, 23, 46, 213, 214, 203, 204, 208, 210, 310, 346, 172})
        CHECK_MESSAGE(watched(AUDIT_ARCH_I386, number), number);
    CHECK_FALSE(watched(AUDIT_ARCH_X86_64, 116));  // setgroups
    CHECK_FALSE(watched(AUDIT_ARCH_X86_64, 0));    // read
}
#endif

TEST_CASE("only rules with our key are ours") {
    for (const auto& rule : audit::lineage_rules()) {
        CHECK(audit::is_ours(rule));
        auto other = rule;
        other.replace(other.size() - 7, 7, "Lineage");
        CHECK_FALSE(audit::is_ours(other));
        CHECK_FALSE(audit::is_ours(rule.substr(0, rule.size() - 1)));
    }
    CHECK_FALSE(audit::is_ours(""));
}

TEST_CASE("somebody else's rule is not ours, whatever key it has") {
    std::string bytes(sizeof(audit_rule_data), '\0');
    const auto put = [&](std::size_t offset, std::uint32_t value) {
        std::memcpy(bytes.data() + offset, &value, sizeof value);
    };
    put(offsetof(audit_rule_data, flags), AUDIT_FILTER_EXIT);
    put(offsetof(audit_rule_data, field_count), 1);
    put(offsetof(audit_rule_data, fields), AUDIT_FILTERKEY);
    put(offsetof(audit_rule_data, values), 7);
    CHECK(audit::is_ours(bytes + "lineage"));
    put(offsetof(audit_rule_data, flags), AUDIT_FILTER_EXCLUDE);
    CHECK_FALSE(audit::is_ours(bytes + "lineage"));
    put(offsetof(audit_rule_data, flags), AUDIT_FILTER_EXIT);
    put(offsetof(audit_rule_data, field_count), 2);
    put(offsetof(audit_rule_data, fields) + 4, AUDIT_WATCH);
    put(offsetof(audit_rule_data, values) + 4, 11);
    CHECK_FALSE(audit::is_ours(bytes + "lineage/etc/shadow"));
}
