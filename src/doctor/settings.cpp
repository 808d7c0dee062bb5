#include "settings.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lineage::doctor {
namespace {

using State = model::Finding::State;

constexpr std::uint32_t backlog_limit_min = 8192;
// A task waits so long for each record while nobody reads and the backlog is full: more stalls the host.
constexpr std::int64_t wait_ms_max = 1000;
constexpr std::int64_t wait_ns_right = 100'000'000;

Judged judge_enabled(std::uint32_t value, const Facts&) {
    if (value == 0) return {State::bad, "audit is switched off"};
    return {State::ok, value == 2 ? "audit is on, and locked until the next boot" : "audit is on"};
}

Judged judge_backlog_limit(std::uint32_t value, const Facts&) {
    if (value == 0) return {State::ok, "the kernel keeps records without a limit"};
    if (value >= backlog_limit_min) return {State::ok, fmt::format("the kernel keeps {} records", value)};
    return {State::warn, fmt::format("the kernel keeps {} records; a burst needs more", value)};
}

Judged judge_backlog_wait(std::uint32_t value, const Facts& facts) {
    const auto wait_ms = value * facts.tick_ns / 1'000'000;
    if (wait_ms <= wait_ms_max) return {State::ok, fmt::format("a task waits for a record {} ms at most", wait_ms)};
    return {State::warn, fmt::format("a task may wait {} ms for each record while the daemon does not read: it can "
                                     "stall this machine",
                                     wait_ms)};
}

Judged judge_failure(std::uint32_t value, const Facts&) {
    if (value == 2) return {State::warn, "a lost record makes the kernel panic (-f 2)"};
    return {State::ok, value == 0 ? "a lost record is counted, not printed (-f 0)"
                                  : "a lost record is printed to the kernel log (-f 1)"};
}

Judged judge_rate_limit(std::uint32_t value, const Facts&) {
    if (value == 0) return {State::ok, "there is no rate limit"};
    return {State::bad, fmt::format("the kernel drops what is more than {} records a second", value)};
}

template <std::uint32_t Value>
std::uint32_t always(const Facts&) {
    return Value;
}

std::uint32_t right_backlog_limit(const Facts& facts) {
    return std::max(facts.settings.values.backlog_limit, backlog_limit_min);
}

std::uint32_t right_backlog_wait(const Facts& facts) {
    return static_cast<std::uint32_t>(wait_ns_right / std::max<std::int64_t>(facts.tick_ns, 1));
}

}  // namespace

const std::vector<KernelSetting>& kernel_settings() {
    using audit::KernelState;
    static const std::vector<KernelSetting> all = {
        {"-e", "enabled", &KernelState::enabled, judge_enabled, always<1>, true},
        {"-b", "backlog_limit", &KernelState::backlog_limit, judge_backlog_limit, right_backlog_limit, true},
        {"--backlog_wait_time", "backlog_wait", &KernelState::backlog_wait_time, judge_backlog_wait, right_backlog_wait,
         true},
        {"-f", "failure", &KernelState::failure, judge_failure, always<1>, false},
        {"-r", "rate_limit", &KernelState::rate_limit, judge_rate_limit, always<0>, true},
    };
    return all;
}

}  // namespace lineage::doctor
