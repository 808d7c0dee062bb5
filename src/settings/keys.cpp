#include "keys.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>
#include <type_traits>

namespace lineage::settings {

namespace {

enum class Change : bool { at_restart, live };

struct Unit {
    std::string_view name;
    std::uint64_t value;
};
constexpr Unit size_units[] = {{"", 1}, {"K", 1ULL << 10}, {"M", 1ULL << 20}, {"G", 1ULL << 30}, {"T", 1ULL << 40}};
constexpr Unit age_units[] = {{"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86'400}, {"w", 604'800}, {"y", 31'557'600}};
constexpr std::string_view sources[] = {"auto", "netlink", "multicast", "plugin", "connector"};

template <class Units>
std::optional<std::uint64_t> quantity(std::string_view text, const Units& units) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    for (const Unit& unit : units) {
        std::uint64_t product = 0;
        if (unit.name == text && !__builtin_mul_overflow(number, unit.value, &product)) return product;
    }
    return std::nullopt;
}

template <auto Member>
Key key(std::string_view name, std::string wanted, Change change, std::function<bool(const Value&, Settings&)> take) {
    return {name,
            std::move(wanted),
            change == Change::live,
            std::move(take),
            [](const Settings& from, Settings& to) { to.*Member = from.*Member; },
            [](const Settings& left, const Settings& right) { return left.*Member == right.*Member; }};
}

template <auto Member>
Key number(std::string_view name, std::int64_t min, std::int64_t max, Change change) {
    return key<Member>(name, "a number from " + std::to_string(min) + " to " + std::to_string(max), change,
                       [=](const Value& value, Settings& settings) {
                           if (value.type != Value::Type::integer || value.integer < min || value.integer > max)
                               return false;
                           using Field = std::remove_reference_t<decltype(settings.*Member)>;
                           settings.*Member = static_cast<Field>(value.integer);
                           return true;
                       });
}

template <auto Member>
Key flag(std::string_view name, Change change) {
    return key<Member>(name, "true or false", change, [](const Value& value, Settings& settings) {
        settings.*Member = value.flag;
        return value.type == Value::Type::flag;
    });
}

/// `0` is "no bound" where `min` is not asked of it.
template <auto Member, class Units>
Key measure(std::string_view name, const Units& units, std::uint64_t min, bool may_be_none, std::string wanted) {
    return key<Member>(name, std::move(wanted), Change::live, [=, &units](const Value& value, Settings& settings) {
        const bool is_none = value.type == Value::Type::integer && value.integer == 0;
        const auto given = value.type == Value::Type::text ? quantity(value.text, units) : std::nullopt;
        if (!(is_none && may_be_none) && (!given || *given < min)) return false;
        settings.*Member = given.value_or(0);
        return true;
    });
}

template <auto Member>
Key path(std::string_view name, bool may_be_none = false) {
    const auto* const wanted = may_be_none ? "an absolute path, or \"\" for none" : "an absolute path";
    return key<Member>(name, wanted, Change::at_restart, [may_be_none](const Value& value, Settings& settings) {
        const bool is_none = value.text.empty() && may_be_none;
        if (value.type != Value::Type::text || (!is_none && value.text.substr(0, 1) != "/")) return false;
        settings.*Member = value.text;
        return value.text.find('\0') == std::string::npos;
    });
}

bool take_source(const Value& value, Settings& settings) {
    const auto* const found = std::find(std::begin(sources), std::end(sources), value.text);
    if (value.type != Value::Type::text || found == std::end(sources)) return false;
    settings.source = static_cast<SourceChoice>(found - std::begin(sources));
    return true;
}

bool take_user(const Value& value, Settings& settings) {
    constexpr std::size_t name_bytes_max = 32;  // useradd(8)
    if (value.type != Value::Type::text || value.text.empty() || value.text.size() > name_bytes_max) return false;
    settings.tracker_user = value.text;
    return value.text.find_first_of(std::string_view("/: \0\n", 5)) == std::string::npos;
}

std::vector<Key> make_keys() {
    constexpr auto live = Change::live;
    constexpr auto at_restart = Change::at_restart;
    using S = Settings;
    return {
        path<&S::database>("db"),
        path<&S::journal_dir>("journal_dir"),
        key<&S::source>("source", "\"auto\", \"netlink\", \"multicast\", \"plugin\" or \"connector\"", at_restart,
                        take_source),
        number<&S::queue_bytes>("queue_bytes", 64 << 10, 1 << 30, at_restart),
        number<&S::backlog_limit>("backlog_limit", 64, 1 << 24, live),
        number<&S::backlog_wait_ms>("backlog_wait_ms", 0, 600'000, live),
        number<&S::commit_ms>("commit_ms", 1, 60'000, live),
        number<&S::sync_ms>("sync_ms", 10, 3'600'000, live),
        measure<&S::journal_bytes_max>("journal.max_size", size_units, 32ULL << 20, false,
                                       "a size of at least \"32M\", such as \"1G\""),
        measure<&S::history_bytes_max>("history.max_size", size_units, 16ULL << 20, true,
                                       "a size of at least \"16M\", such as \"20G\", or 0 for no bound"),
        measure<&S::history_seconds_max>("history.max_age", age_units, 60, true,
                                         "an age of at least \"1min\", such as \"90d\", or 0 for no bound"),
        measure<&S::records_bytes_max>("records.max_size", size_units, 1ULL << 20, true,
                                       "a size of at least \"1M\", such as \"256M\", or 0 for no bound"),
        measure<&S::records_seconds_max>("records.max_age", age_units, 60, true,
                                         "an age of at least \"1min\", such as \"90d\", or 0 for no bound"),
        path<&S::audit_log_file>("audit_log.file", true),
        measure<&S::audit_log_bytes_max>("audit_log.max_size", size_units, 64ULL << 10, false,
                                         "a size of at least \"64K\", such as \"8M\""),
        number<&S::audit_log_files>("audit_log.files", 1, 999, live),
        flag<&S::rules>("rules.install", at_restart),
        flag<&S::rules_lock>("rules.lock", at_restart),
        number<&S::rules_check_ms>("rules.check_ms", 10, 3'600'000, live),
        number<&S::rules_heartbeat_s>("rules.heartbeat_s", 0, 86'400, live),
        number<&S::rules_alarm_interval_s>("rules.alarm_interval_s", 1, 86'400, live),
        key<&S::tracker_user>("user.tracker", "the name of a user", at_restart, take_user),
    };
}

}  // namespace

const std::vector<Key>& keys() {
    static const std::vector<Key> all = make_keys();
    return all;
}

}  // namespace lineage::settings
