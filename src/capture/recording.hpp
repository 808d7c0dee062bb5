// Frames on their way into the journal. While the journal takes none (a full disk, a read-only file system, an I/O
// error) they wait in memory, in order and within Timing::waiting_bytes_max; beyond that the oldest are dropped and
// counted. As soon as the journal works again what waits goes in, behind a Lost frame per witness for what was dropped.
//
// The control frames that say what the others mean (boot, clock, up and down, lost, ...) outlive those they stood
// between, up to `kept_max` of them.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>

#include "lineage/capture/capture.hpp"

namespace lineage::capture {

class Recording {
public:
    Recording(FrameSink& sink, const Timing& timing)
        : sink_(sink), bytes_max_(timing.waiting_bytes_max), retry_ns_(timing.retry_ms * 1'000'000LL) {}

    /// The same as append(), but what waiting does not help against is an error.
    base::Status first(const model::Frame& frame);
    void append(const model::Frame& frame);
    void control(model::Control type, std::string_view payload, model::TimeNs now_ns);
    void lost(model::Witness witness, model::TimeNs from_ns, model::TimeNs to_ns, std::int64_t count,
              std::string_view why);
    void tampered(const model::Tampered& what);
    void publish();
    [[nodiscard]] bool failing() const { return failing_; }
    /// Tries again to hand over what waits, if it is time to.
    void retry();
    /// A last time, whether it is time or not.
    void flush();
    /// CLOCK_MONOTONIC: when retry() is worth a call; INT64_MAX while nothing waits.
    [[nodiscard]] model::TimeNs retry_due_ns() const { return failing_ ? retry_due_ns_ : INT64_MAX; }
    /// True once after frames had to be dropped: what was missed should be looked up in /proc.
    bool take_recovered();
    [[nodiscard]] std::uint64_t dropped() const { return dropped_; }
    /// Told when the journal stops taking frames, with why, and when it takes them again.
    std::function<void(const base::Status&)> on_change;

private:
    struct Waiting {
        model::Frame frame;  ///< its payload is the string beside it
        std::string payload;
        [[nodiscard]] std::size_t bytes() const { return sizeof(Waiting) + payload.size(); }
        [[nodiscard]] model::Frame view() const {
            auto whole = frame;
            whole.payload = payload;
            return whole;
        }
    };
    struct Missed {
        model::Witness witness;
        std::int64_t frames = 0;
        model::TimeNs from_ns = 0;
        model::TimeNs to_ns = 0;
    };
    static constexpr std::size_t kept_max = 4096;

    void begin_waiting(const model::Frame& frame, const base::Status& why);
    void wait(const model::Frame& frame);
    void drop_oldest();
    bool hand_over(std::deque<Waiting>& queue);
    bool tell_missed();

    FrameSink& sink_;
    std::size_t bytes_max_;
    model::TimeNs retry_ns_;
    bool failing_ = false;
    bool published_ = false;  ///< since the last attempt: of one batch no more than the first frame is tried
    bool recovered_ = false;
    model::TimeNs retry_due_ns_ = 0;
    std::string why_;
    std::deque<Waiting> kept_;  ///< stood before everything in `waiting_`
    std::deque<Waiting> waiting_;
    std::size_t waiting_bytes_ = 0;
    std::array<Missed, 2> missed_{Missed{model::Witness::audit}, Missed{model::Witness::connector}};
    std::uint64_t dropped_ = 0;
};

}  // namespace lineage::capture
