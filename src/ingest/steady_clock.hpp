// Real time without its steps. CLOCK_REALTIME is set, stepped and slewed while processes live: the same birth, told by
// /proc before and after, would be two. So the tracker is given steady times, which run like CLOCK_BOOTTIME, and what
// it tells is turned back into what the clock showed at that moment.
//
// `shift` is what the clock showed beyond steady time; 0 until the first change. The journal tells of changes: a
// `clock` frame of the running recorder, and each `boot` frame by the boot's beginning, which is CLOCK_REALTIME less
// CLOCK_BOOTTIME. Logs and old journals tell of none, and pass unchanged.
#pragma once

#include <string>
#include <vector>

#include "lineage/base/codec.hpp"
#include "lineage/model/observation.hpp"

namespace lineage::ingest {

/// A change of the clock at once by this much, or a suspension so long, is told as a gap.
constexpr model::TimeNs clock_step_ns = 50'000'000;

class SteadyClock {
public:
    /// Makes its times steady. Returns the gap that a changed clock is.
    std::vector<model::Lost> make_steady(model::Observation& fact);
    [[nodiscard]] model::TimeNs real(model::TimeNs steady_ns) const;
    void make_real(model::Boot& boot) const;
    void make_real(model::Process& process) const;
    void make_real(model::Image& image) const;
    void make_real(model::Attempt& attempt) const;
    void make_real(model::Gap& gap) const;
    void make_real(model::Tamper& tamper) const;
    /// When capture last looked at the clock, steady.
    [[nodiscard]] model::TimeNs now_ns() const { return now_ns_; }
    /// Nothing has to be turned back.
    [[nodiscard]] bool never_changed() const { return shifts_.empty(); }

    void save(base::Encoder& out) const;
    void restore(base::Decoder& in);

private:
    struct Shift {
        model::TimeNs from_ns = 0;  ///< steady
        model::TimeNs shift_ns = 0;
    };
    static constexpr std::size_t shifts_max = 4096;

    [[nodiscard]] model::TimeNs shift() const { return shifts_.empty() ? 0 : shifts_.back().shift_ns; }
    [[nodiscard]] model::TimeNs steady(model::TimeNs real_ns) const;
    [[nodiscard]] model::TimeNs steady_stamp(model::TimeNs stamp_ns) const;
    void change(model::TimeNs shift_ns, model::TimeNs at_ns);
    std::vector<model::Lost> on(model::BootBegan& began);
    std::vector<model::Lost> on(model::ClockChanged& changed);

    std::string boot_;
    model::TimeNs boot_ns_ = 0;  ///< its beginning, steady
    model::TimeNs real_minus_mono_ns_ = 0;
    model::TimeNs now_ns_ = 0;  ///< steady; when capture last looked at the clock
    std::vector<Shift> shifts_;
};

}  // namespace lineage::ingest
