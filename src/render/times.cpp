#include "times.hpp"

#include <fmt/format.h>

#include <chrono>
#include <ctime>
#include <iterator>

#include "lineage/render/render.hpp"

namespace lineage::render {
namespace {
constexpr model::TimeNs ns_per_s = 1'000'000'000;

/// Rounds towards the past, as the calendar does.
model::TimeNs whole_seconds(model::TimeNs time_ns) {
    return time_ns / ns_per_s - (time_ns % ns_per_s < 0 ? 1 : 0);
}
/// 0 to 999,999,999, whatever the time: multiplying the whole seconds again would leave the range at its least.
constexpr model::TimeNs behind_second(model::TimeNs time_ns) {
    const auto rest = time_ns % ns_per_s;
    return rest < 0 ? rest + ns_per_s : rest;
}

}  // namespace

void append_time_json(model::TimeNs time_ns, std::string& out) {
    const auto seconds = whole_seconds(time_ns);
    const auto second = std::chrono::sys_seconds(std::chrono::seconds(seconds));
    const auto day = std::chrono::floor<std::chrono::days>(second);
    const std::chrono::year_month_day date(day);
    const auto of_day = (second - day).count();
    fmt::format_to(std::back_inserter(out), FMT_STRING("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z"),
                   static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                   static_cast<unsigned>(date.day()), of_day / 3600, of_day / 60 % 60, of_day % 60,
                   behind_second(time_ns));
}

std::string time_json(model::TimeNs time_ns) {
    std::string out;
    append_time_json(time_ns, out);
    return out;
}

std::string time_text(model::TimeNs time_ns, bool utc) {
    if (time_ns == 0) return "-";
    const auto seconds = whole_seconds(time_ns);
    const auto clock = static_cast<std::time_t>(seconds);
    std::tm t{};
    (utc ? gmtime_r : localtime_r)(&clock, &t);
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03}{}", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday,
                       t.tm_hour, t.tm_min, t.tm_sec, behind_second(time_ns) / 1'000'000, utc ? "Z" : "");
}

std::string duration_text(model::TimeNs from_ns, model::TimeNs to_ns) {
    if (to_ns < from_ns) return "-" + duration_text(to_ns, from_ns);
    // Whatever a database says, the difference of any two fits.
    const auto duration_ns = static_cast<std::uint64_t>(to_ns) - static_cast<std::uint64_t>(from_ns);
    const auto seconds = duration_ns / ns_per_s;
    if (seconds < 1) return fmt::format("{} ms", duration_ns / 1'000'000);
    if (seconds < 60) return fmt::format("{}.{} s", seconds, duration_ns % ns_per_s / 100'000'000);
    if (seconds < 3600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
    if (seconds < 86400) return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
    return fmt::format("{} d {} h", seconds / 86400, seconds / 3600 % 24);
}

}  // namespace lineage::render
