#include "steady_clock.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <tuple>
#include <type_traits>
#include <utility>

namespace lineage::ingest {

namespace {

constexpr double ns_per_s = 1e9;

model::Lost gap_of(model::TimeNs from_ns, model::TimeNs to_ns, std::string why) {
    return {model::Witness::audit, from_ns, to_ns, 0, std::move(why)};
}

model::TimeNs sane(model::TimeNs time_ns) {
    return std::clamp<model::TimeNs>(time_ns, 0, model::time_ns_max);
}

}  // namespace

model::TimeNs SteadyClock::steady(model::TimeNs real_ns) const {
    return sane(sane(real_ns) - shift());  // a frame may say anything
}

// A record may have been stamped before a step that we know of already: then it means an earlier time than that of the
// step by the clock as it was, and is not in the future. Of the two times that it can mean, the later one.
model::TimeNs SteadyClock::steady_stamp(model::TimeNs stamp_ns) const {
    const auto by_this_clock = steady(stamp_ns);
    if (shifts_.empty()) return by_this_clock;
    const auto before_ns = shifts_.size() > 1 ? shifts_[shifts_.size() - 2].shift_ns : 0;
    if (std::llabs(shift() - before_ns) < clock_step_ns) return by_this_clock;
    const auto by_the_clock_before = sane(sane(stamp_ns) - before_ns);
    const bool was_possible = by_the_clock_before <= shifts_.back().from_ns;
    const bool is_possible = by_this_clock <= now_ns_ + clock_step_ns;
    if (!is_possible) return was_possible ? by_the_clock_before : by_this_clock;
    return was_possible ? std::max(by_this_clock, by_the_clock_before) : by_this_clock;
}

void SteadyClock::change(model::TimeNs shift_ns, model::TimeNs at_ns) {
    if (shift_ns == shift()) return;
    // Slewing changes it a little all the time: of what is long ago every second word is enough.
    if (shifts_.size() >= shifts_max) {
        std::vector<Shift> fewer;
        for (std::size_t i = 0; i < shifts_.size(); ++i)
            if (i % 2 == 0 || i > shifts_max / 2) fewer.push_back(shifts_[i]);
        shifts_ = std::move(fewer);
    }
    shifts_.push_back({at_ns, shift_ns});
}

std::vector<model::Lost> SteadyClock::on(model::BootBegan& began) {
    if (began.imported) return {};
    if (began.name == boot_ && boot_ns_ != 0) {  // a recorder of the same boot: what the clock did meanwhile
        const auto shift_ns = began.started_ns - boot_ns_;
        change(shift_ns, sane(began.time_ns - shift_ns));
    }
    boot_ = began.name;
    began.started_ns = boot_ns_ = steady(began.started_ns);
    began.time_ns = now_ns_ = steady(began.time_ns);
    began.real_minus_mono_ns = real_minus_mono_ns_ = steady(began.real_minus_mono_ns);
    return {};
}

std::vector<model::Lost> SteadyClock::on(model::ClockChanged& changed) {
    std::vector<model::Lost> gaps;
    const auto old_shift_ns = shift();
    const auto shift_ns = changed.real_minus_boot_ns == 0 ? old_shift_ns : changed.real_minus_boot_ns - boot_ns_;
    const auto real_minus_mono_ns = sane(changed.real_minus_mono_ns - shift_ns);
    const auto slept_ns = real_minus_mono_ns - std::exchange(real_minus_mono_ns_, real_minus_mono_ns);
    const auto at_ns = changed.time_ns == 0 ? now_ns_ : sane(changed.time_ns - shift_ns);
    change(shift_ns, at_ns);
    const auto step_ns = shift_ns - old_shift_ns;
    if (std::llabs(step_ns) >= clock_step_ns)
        gaps.push_back(
            gap_of(at_ns - 1, at_ns,
                   fmt::format("the clock was set {} by {:.3f} s: times of this interval {}",
                               step_ns > 0 ? "forward" : "back", static_cast<double>(std::llabs(step_ns)) / ns_per_s,
                               step_ns > 0 ? "were never shown" : "were shown twice")));
    if (slept_ns >= clock_step_ns)
        gaps.push_back(
            gap_of(at_ns - slept_ns, at_ns,
                   fmt::format("the machine was suspended for {:.3f} s", static_cast<double>(slept_ns) / ns_per_s)));
    now_ns_ = std::max(now_ns_, at_ns);
    changed.real_minus_mono_ns = real_minus_mono_ns;
    return gaps;
}

std::vector<model::Lost> SteadyClock::make_steady(model::Observation& fact) {
    return std::visit(
        [this](auto& one) -> std::vector<model::Lost> {
            using Fact = std::decay_t<decltype(one)>;
            if constexpr (requires { on(one); }) {
                return on(one);
            } else if constexpr (requires { one.task; }) {
                one.task.time_ns = steady_stamp(one.task.time_ns);
                if constexpr (std::is_same_v<Fact, model::AuditConfigChange>)
                    if (one.received_ns != 0) one.received_ns = steady_stamp(one.received_ns);
            } else if constexpr (std::is_same_v<Fact, model::Seen>) {
                one.read_ns = steady(one.read_ns);
                one.started_ns = steady(one.started_ns);
            } else if constexpr (std::is_same_v<Fact, model::Lost>) {
                one.from_ns = steady(one.from_ns);
                one.to_ns = steady(one.to_ns);
            } else if constexpr (std::is_same_v<Fact, model::Tampered>) {
                one.found_ns = steady_stamp(one.found_ns);
                one.from_ns = steady_stamp(one.from_ns);
                if (one.to_ns != 0) one.to_ns = steady_stamp(one.to_ns);
                one.told_ns = steady(one.told_ns);
            } else if constexpr (std::is_same_v<Fact, model::AuditLooked>) {
                one.asked_ns = steady(one.asked_ns);
                one.answered_ns = steady(one.answered_ns);
                if (one.before.asked_ns != 0) {
                    one.before.asked_ns = steady(one.before.asked_ns);
                    one.before.answered_ns = steady(one.before.answered_ns);
                }
            } else if constexpr (std::is_same_v<Fact, model::SnapshotEnded>) {
                one.began_ns = steady(one.began_ns);
            } else if constexpr (std::is_same_v<Fact, model::ConnectorDrained>) {
                now_ns_ = std::max(now_ns_, sane(one.time_ns + real_minus_mono_ns_));  // by CLOCK_MONOTONIC
            } else if constexpr (std::is_same_v<Fact, model::ConnectorUp> || std::is_same_v<Fact, model::AuditUp> ||
                                 std::is_same_v<Fact, model::Resumed> || std::is_same_v<Fact, model::Idle> ||
                                 std::is_same_v<Fact, model::SnapshotBegan> || std::is_same_v<Fact, model::Stopped>) {
                one.time_ns = steady(one.time_ns);
            }
            return {};
        },
        fact);
}

model::TimeNs SteadyClock::real(model::TimeNs steady_ns) const {
    const auto after = std::upper_bound(shifts_.begin(), shifts_.end(), steady_ns,
                                        [](model::TimeNs time_ns, const Shift& one) { return time_ns < one.from_ns; });
    return after == shifts_.begin() ? steady_ns : sane(steady_ns) + std::prev(after)->shift_ns;
}

void SteadyClock::make_real(model::Boot& boot) const {
    boot.started_ns = real(boot.started_ns);
}
void SteadyClock::make_real(model::Process& process) const {
    process.born.time_ns = real(process.born.time_ns);
    if (process.ended) process.ended->time_ns = real(process.ended->time_ns);
}
void SteadyClock::make_real(model::Image& image) const {
    image.time_ns = real(image.time_ns);
}
void SteadyClock::make_real(model::Attempt& attempt) const {
    attempt.time_ns = real(attempt.time_ns);
}
void SteadyClock::make_real(model::Gap& gap) const {
    std::tie(gap.from_ns, gap.to_ns) = std::minmax({real(gap.from_ns), real(gap.to_ns)});
}
void SteadyClock::make_real(model::Tamper& tamper) const {
    tamper.time_ns = real(tamper.time_ns);
    tamper.from_ns = real(tamper.from_ns);
    if (tamper.to_ns != 0) tamper.to_ns = real(tamper.to_ns);
}

void SteadyClock::save(base::Encoder& out) const {
    out.put_bytes(boot_);
    out.put(boot_ns_);
    out.put(real_minus_mono_ns_);
    out.put(now_ns_);
    out.put(static_cast<std::uint32_t>(shifts_.size()));
    for (const Shift& one : shifts_) {
        out.put(one.from_ns);
        out.put(one.shift_ns);
    }
}

void SteadyClock::restore(base::Decoder& in) {
    boot_ = in.get_bytes();
    in.get(boot_ns_);
    in.get(real_minus_mono_ns_);
    in.get(now_ns_);
    shifts_.clear();
    for (auto left = in.get<std::uint32_t>(); left > 0 && in.ok(); --left) {
        Shift one;
        in.get(one.from_ns);
        in.get(one.shift_ns);
        shifts_.push_back(one);
    }
}

}  // namespace lineage::ingest
