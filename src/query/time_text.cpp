#include "time_text.hpp"

#include <ctime>
#include <limits>

#include "lineage/query/query.hpp"

namespace lineage::query {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;
constexpr std::int64_t minute_s = 60;
constexpr std::int64_t hour_s = 3600;
constexpr std::int64_t day_s = 86'400;

// Takes what it understands off the front of a text; from the first surprise on it stays failed.
class Scanner {
public:
    explicit Scanner(std::string_view rest) : rest_(rest) {}

    /// A number of `least` to `most` digits.
    std::int64_t digits(std::size_t least, std::size_t most) {
        std::int64_t number = 0;
        std::size_t count = 0;
        for (; count < most && is_digit(); ++count, rest_.remove_prefix(1))
            number = number * 10 + (rest_.front() - '0');
        ok_ = ok_ && count >= least;
        return number;
    }
    bool take(char c) {
        if (rest_.empty() || rest_.front() != c) return false;
        rest_.remove_prefix(1);
        return true;
    }
    void expect(char c) { ok_ = take(c) && ok_; }
    /// ".123" as nanoseconds, if it stands here; digits behind the ninth are cut off.
    std::int64_t fraction_ns() {
        if (!take('.')) return 0;
        ok_ = ok_ && is_digit();
        std::int64_t number = 0;
        for (std::int64_t unit = second_ns / 10; is_digit(); unit /= 10, rest_.remove_prefix(1))
            number += (rest_.front() - '0') * unit;
        return number;
    }
    [[nodiscard]] bool is_digit() const { return !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; }
    [[nodiscard]] bool at_end() const { return rest_.empty(); }
    [[nodiscard]] bool ok() const { return ok_; }

private:
    std::string_view rest_;
    bool ok_ = true;
};

std::optional<model::TimeNs> moment(std::int64_t seconds, std::int64_t fraction_ns) {
    if (seconds > std::numeric_limits<model::TimeNs>::max() / second_ns - 1 || seconds < 0) return std::nullopt;
    return seconds * second_ns + fraction_ns;
}

void scan_clock(Scanner& in, std::tm& tm, std::int64_t& fraction_ns) {
    tm.tm_hour = static_cast<int>(in.digits(2, 2));
    in.expect(':');
    tm.tm_min = static_cast<int>(in.digits(2, 2));
    if (!in.take(':')) return;
    tm.tm_sec = static_cast<int>(in.digits(2, 2));
    fraction_ns = in.fraction_ns();
}

// "Z" or "+01:00" as seconds east; nullopt where there is no zone.
std::optional<std::int64_t> scan_zone(Scanner& in) {
    if (in.take('Z') || in.take('z')) return 0;
    const bool is_west = in.take('-');
    if (!is_west && !in.take('+')) return std::nullopt;
    const auto hours = in.digits(2, 2);
    in.take(':');
    const auto east_s = hours * hour_s + in.digits(2, 2) * minute_s;
    return is_west ? -east_s : east_s;
}

// No 25:00 and no 30th of February; 60 is a leap second.
bool exists(const std::tm& tm) {
    if (tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60) return false;
    std::tm day{};
    day.tm_year = tm.tm_year;
    day.tm_mon = tm.tm_mon;
    day.tm_mday = tm.tm_mday;
    ::timegm(&day);
    return day.tm_year == tm.tm_year && day.tm_mon == tm.tm_mon && day.tm_mday == tm.tm_mday;
}

std::optional<model::TimeNs> moment(std::tm tm, std::optional<std::int64_t> east_s, std::int64_t fraction_ns) {
    if (!exists(tm)) return std::nullopt;
    tm.tm_isdst = -1;
    return moment(east_s ? ::timegm(&tm) - *east_s : ::mktime(&tm), fraction_ns);
}

std::optional<model::TimeNs> parse_rfc3339(std::string_view text) {
    Scanner in(text);
    std::tm tm{};
    std::int64_t fraction_ns = 0;
    std::optional<std::int64_t> east_s;
    tm.tm_year = static_cast<int>(in.digits(4, 4)) - 1900;
    in.expect('-');
    tm.tm_mon = static_cast<int>(in.digits(2, 2)) - 1;
    in.expect('-');
    tm.tm_mday = static_cast<int>(in.digits(2, 2));
    if (in.take('T') || in.take('t') || in.take(' ')) {
        scan_clock(in, tm, fraction_ns);
        east_s = scan_zone(in);
    }
    if (!in.ok() || !in.at_end()) return std::nullopt;
    return moment(tm, east_s, fraction_ns);
}

// "@1763720000.123", or without @ from 9 digits on: a shorter number is more likely a pid or a mistake.
std::optional<model::TimeNs> parse_unix(std::string_view text) {
    Scanner in(text);
    const std::size_t least = in.take('@') ? 1 : 9;
    const auto seconds = in.digits(least, 18);
    const auto fraction_ns = in.fraction_ns();
    if (!in.ok() || !in.at_end()) return std::nullopt;
    return moment(seconds, fraction_ns);
}

std::optional<model::TimeNs> parse_today(std::string_view text, model::TimeNs now_ns) {
    const std::time_t now_s = now_ns / second_ns;
    std::tm tm{};
    if (::localtime_r(&now_s, &tm) == nullptr) return std::nullopt;
    Scanner in(text);
    std::int64_t fraction_ns = 0;
    tm.tm_sec = 0;
    scan_clock(in, tm, fraction_ns);
    if (!in.ok() || !in.at_end()) return std::nullopt;
    return moment(tm, std::nullopt, fraction_ns);
}

std::int64_t unit_s(Scanner& in) {
    if (in.take('s')) return 1;
    if (in.take('m')) return minute_s;
    if (in.take('h')) return hour_s;
    if (in.take('d')) return day_s;
    if (in.take('w')) return 7 * day_s;
    return 0;
}

std::optional<model::TimeNs> parse_age(std::string_view text, model::TimeNs now_ns) {
    if (text.ends_with(" ago")) text.remove_suffix(4);
    Scanner in(text);
    std::int64_t age_s = 0;
    while (in.ok() && !in.at_end()) {
        const auto count = in.digits(1, 9);
        const auto unit = unit_s(in);
        if (unit == 0) return std::nullopt;
        age_s += count * unit;
    }
    if (!in.ok() || text.empty() || age_s > now_ns / second_ns) return std::nullopt;
    return now_ns - age_s * second_ns;
}

}  // namespace

std::optional<model::TimeNs> parse_moment(std::string_view text) {
    if (const auto time_ns = parse_rfc3339(text)) return time_ns;
    return parse_unix(text);
}

base::Result<model::TimeNs> parse_time(std::string_view text, model::TimeNs now_ns) {
    if (text == "now") return now_ns;
    if (const auto time_ns = parse_moment(text)) return *time_ns;
    if (const auto time_ns = parse_today(text, now_ns)) return *time_ns;
    if (const auto time_ns = parse_age(text, now_ns)) return *time_ns;
    return base::fail("time \"" + std::string(text) + "\"",
                      "is none of 2026-11-21T10:30:12Z, 2026-11-21, 10:30, @1763720000.5, now, 2h30m",
                      base::ExitCode::usage);
}

}  // namespace lineage::query
