// Goal: everything by which the recording can be weakened is found in a picture of the audit state, and nothing else
// is. Method: pictures made by hand, rules as auditctl would make them; nothing here touches the kernel.
#include "lineage/audit/weakness.hpp"

#include <doctest/doctest.h>
#include <libaudit.h>
#include <linux/magic.h>

#include <algorithm>
#include <cstring>
#include <initializer_list>

using namespace lineage;
using model::Weakness;

namespace {

struct Field {
    std::uint32_t name;
    std::uint32_t comparison;
    std::uint32_t value;
};

std::string rule(std::uint32_t list, std::uint32_t action, std::vector<Field> fields = {}) {
    audit_rule_data data{};
    data.flags = list;
    data.action = action;
    for (auto& word : data.mask) word = ~0U;
    for (const Field& field : fields) {
        data.fields[data.field_count] = field.name;
        data.fieldflags[data.field_count] = field.comparison;
        data.values[data.field_count++] = field.value;
    }
    return {reinterpret_cast<const char*>(&data), sizeof data};
}

const std::string never_exit = rule(AUDIT_FILTER_EXIT, AUDIT_NEVER);
const audit::Wanted wanted{true, 77, 1000, 10};

audit::Picture good() {
    audit::Picture picture;
    picture.state.enabled = 1;
    picture.state.pid = 77;
    picture.state.backlog_limit = 1000;
    picture.state.backlog_wait_time = 10;
    picture.rules = audit::lineage_rules();
    return picture;
}

std::vector<Weakness> kinds(const audit::Picture& picture, const audit::Wanted& what = wanted) {
    std::vector<Weakness> found;
    for (const auto& finding : audit::find_weaknesses(picture, what)) found.push_back(finding.kind);
    return found;
}

using Kinds = std::vector<Weakness>;

}  // namespace

TEST_CASE("as it should be, with other people's rules behind ours and in lists that do not matter, nothing is found") {
    auto picture = good();
    CHECK(kinds(picture).empty());
    picture.rules.push_back(never_exit);
    picture.rules.insert(picture.rules.begin(), rule(AUDIT_FILTER_USER, AUDIT_NEVER));
    picture.rules.insert(picture.rules.begin() + 1, rule(AUDIT_FILTER_TASK, AUDIT_ALWAYS));
    picture.rules.push_back(rule(AUDIT_FILTER_FS, AUDIT_NEVER, {{AUDIT_FSTYPE, AUDIT_EQUAL, TRACEFS_MAGIC}}));
    picture.rules.push_back(rule(AUDIT_FILTER_EXCLUDE, AUDIT_ALWAYS, {{AUDIT_MSGTYPE, AUDIT_EQUAL, AUDIT_AVC}}));
    picture.rules.push_back(
        rule(AUDIT_FILTER_EXCLUDE, AUDIT_NEVER, {{AUDIT_MSGTYPE, AUDIT_GREATER_THAN, AUDIT_ANOM_ABEND}}));
    picture.state.backlog_limit = 0;  // none at all
    picture.state.backlog_wait_time = 60000;
    CHECK(kinds(picture).empty());
}

TEST_CASE("rules that are gone are named, some or all of them") {
    auto picture = good();
    picture.rules.erase(picture.rules.begin() + 1);
    const auto one = audit::find_weaknesses(picture, wanted);
    REQUIRE(one.size() == 1);
    CHECK(one[0].kind == Weakness::rules_removed);
    CHECK(one[0].what.find("1 of " + std::to_string(audit::lineage_rules().size()) + " rules missing") == 0);
    CHECK(one[0].what.find("execve") != std::string::npos);
    picture.rules.clear();
    CHECK(kinds(picture) == Kinds{Weakness::rules_removed});
    CHECK(kinds(picture, {false, 77, 1000, 10}).empty());  // not ours to defend
}

TEST_CASE("a rule in front of ours outranks them, so does one between them, and another order is none of ours") {
    auto picture = good();
    picture.rules.insert(picture.rules.begin(), never_exit);
    const auto front = audit::find_weaknesses(picture, wanted);
    REQUIRE(front.size() == 1);
    CHECK(front[0].kind == Weakness::rules_outranked);
    CHECK(front[0].what.find("-a never,exit -S all") != std::string::npos);
    picture = good();
    picture.rules.insert(picture.rules.begin() + 2, never_exit);
    CHECK(kinds(picture) == Kinds{Weakness::rules_outranked});
    picture = good();
    std::swap(picture.rules[0], picture.rules[1]);
    CHECK(kinds(picture) == Kinds{Weakness::rules_outranked});
    picture.rules.pop_back();
    picture.rules.push_back(never_exit);
    CHECK(kinds(picture) == Kinds{Weakness::rules_removed});  // what is left stands before everything else
}

TEST_CASE("either writing will do, and what is left of the other one behind it is no matter") {
    auto picture = good();
    const auto first = picture.rules;
    const auto second = audit::lineage_rules(audit::Writing::second);
    CHECK(std::find_first_of(first.begin(), first.end(), second.begin(), second.end()) == first.end());
    picture.rules = second;
    picture.rules.push_back(never_exit);
    picture.rules.insert(picture.rules.end(), first.begin() + 3, first.end());
    CHECK(kinds(picture).empty());
    CHECK(audit::are_first(picture.rules));
    picture.rules.insert(picture.rules.begin(), never_exit);
    CHECK(kinds(picture) == Kinds{Weakness::rules_outranked});
    CHECK_FALSE(audit::are_first(picture.rules));
}

TEST_CASE("what cannot be outranked is found with the rule that is to be removed") {
    for (const auto& [hiding, kind] :
         {std::pair{rule(AUDIT_FILTER_TASK, AUDIT_NEVER), Weakness::tasks_exempted},
          std::pair{rule(AUDIT_FILTER_EXCLUDE, AUDIT_ALWAYS, {{AUDIT_MSGTYPE, AUDIT_EQUAL, AUDIT_SYSCALL}}),
                    Weakness::records_excluded},
          std::pair{rule(AUDIT_FILTER_EXCLUDE, AUDIT_NEVER, {{AUDIT_MSGTYPE, AUDIT_NOT_EQUAL, AUDIT_AVC}}),
                    Weakness::records_excluded},
          std::pair{rule(AUDIT_FILTER_EXCLUDE, AUDIT_ALWAYS, {{AUDIT_PID, AUDIT_EQUAL, 5}}),
                    Weakness::records_excluded},
          std::pair{rule(AUDIT_FILTER_FS, AUDIT_NEVER, {{AUDIT_FSTYPE, AUDIT_EQUAL, EXT4_SUPER_MAGIC}}),
                    Weakness::records_excluded}}) {
        auto picture = good();
        picture.rules.push_back(hiding);
        const auto found = audit::find_weaknesses(picture, wanted);
        REQUIRE(found.size() == 1);
        CHECK(found[0].kind == kind);
        CHECK(found[0].rule == hiding);
    }
}

TEST_CASE("no record that the history is made of may be excluded, however the rule says it; others may") {
    const auto hides = [](std::uint32_t comparison, std::uint32_t type) {
        return audit::hides_records(rule(AUDIT_FILTER_EXCLUDE, AUDIT_ALWAYS, {{AUDIT_MSGTYPE, comparison, type}}));
    };
    for (const auto needed :
         std::initializer_list<std::uint32_t>{AUDIT_SYSCALL, AUDIT_EXECVE, AUDIT_PATH, AUDIT_CWD, AUDIT_EOE,
                                              AUDIT_OBJ_PID, AUDIT_CONFIG_CHANGE, AUDIT_LOGIN, AUDIT_ANOM_ABEND})
        CHECK_MESSAGE(hides(AUDIT_EQUAL, needed), needed);
    for (const auto other :
         std::initializer_list<std::uint32_t>{AUDIT_AVC, AUDIT_PROCTITLE, AUDIT_USER_AUTH, AUDIT_SOCKADDR})
        CHECK_MESSAGE(!hides(AUDIT_EQUAL, other), other);
    constexpr std::uint32_t first = AUDIT_LOGIN;      // the lowest of them
    constexpr std::uint32_t last = AUDIT_ANOM_ABEND;  // the highest
    CHECK(hides(AUDIT_NOT_EQUAL, first));
    CHECK_FALSE(hides(AUDIT_LESS_THAN, first));
    CHECK(hides(AUDIT_LESS_THAN, first + 1));
    CHECK(hides(AUDIT_LESS_THAN_OR_EQUAL, first));
    CHECK_FALSE(hides(AUDIT_LESS_THAN_OR_EQUAL, first - 1));
    CHECK(hides(AUDIT_GREATER_THAN, last - 1));
    CHECK_FALSE(hides(AUDIT_GREATER_THAN, last));
    CHECK(hides(AUDIT_GREATER_THAN_OR_EQUAL, last));
    CHECK_FALSE(hides(AUDIT_GREATER_THAN_OR_EQUAL, last + 1));
    CHECK(hides(AUDIT_BIT_TEST, AUDIT_AVC));  // what cannot be judged
    // All its fields must match.
    CHECK_FALSE(audit::hides_records(rule(AUDIT_FILTER_EXCLUDE, AUDIT_ALWAYS,
                                          {{AUDIT_PID, AUDIT_EQUAL, 5}, {AUDIT_MSGTYPE, AUDIT_EQUAL, AUDIT_AVC}})));
}

TEST_CASE("settings are found with what they were and are; another daemon's are its own") {
    auto picture = good();
    picture.state.enabled = 0;
    picture.state.rate_limit = 5;
    picture.state.backlog_limit = 64;
    picture.state.backlog_wait_time = 0;
    picture.state.pid = 0;
    CHECK(kinds(picture) == Kinds{Weakness::disabled, Weakness::rate_limit, Weakness::registration,
                                  Weakness::backlog_limit, Weakness::backlog_wait});
    CHECK(audit::find_weaknesses(picture, wanted)[1].what == "rate limit 0 -> 5");
    CHECK(kinds(picture, {true, 0, 0, 0}) == Kinds{Weakness::disabled, Weakness::rate_limit});
}

TEST_CASE("a rule's key makes no line of its own in a log") {
    const std::string key = "a\n\033[31mlineaged: all is well\\\xc3\xa4";
    audit_rule_data head{};
    head.flags = AUDIT_FILTER_TASK;
    head.fields[0] = AUDIT_FILTERKEY;
    head.fieldflags[0] = AUDIT_EQUAL;
    head.field_count = 1;
    head.values[0] = head.buflen = static_cast<std::uint32_t>(key.size());
    const auto with_key = std::string(reinterpret_cast<const char*>(&head), sizeof head) + key;
    CHECK(audit::text_of_rule(with_key) == "-a never,task -F key=a\\012\\033[31mlineaged: all is well\\134\\303\\244");
}

TEST_CASE("a rule that is cut short, or says more than it holds, is not read beyond its end") {
    auto picture = good();
    auto lying = audit::lineage_rules()[0];
    const std::uint32_t much = 1U << 30;
    std::memcpy(lying.data() + offsetof(audit_rule_data, values) + 2 * sizeof much, &much,
                sizeof much);  // the key's length
    for (const auto& bad : {std::string(), std::string(10, '\xff'), lying}) {
        picture.rules.push_back(bad);
        CHECK(audit::text_of_rule(bad) == "a rule that cannot be read");
        CHECK_FALSE(audit::hides_records(bad));
    }
    CHECK(kinds(picture).empty());
}
