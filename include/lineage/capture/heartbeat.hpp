// A sign of life of the whole way from a system call to us: every now and then a helper process of ours forks a child,
// and both witnesses must tell of it. What the registered audit daemon does itself is never audited, so somebody else
// has to do it. The children are processes like any other and stand in the history as such, below the helper.
//
// Heartbeat is the pure part: beats and frames in, verdicts out. It compares records with a text that it knows
// beforehand, the helper's pid, and only while a beat is under way; nothing is parsed.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lineage/base/result.hpp"
#include "lineage/base/unique_fd.hpp"
#include "lineage/model/frame.hpp"
#include "lineage/model/process.hpp"

namespace lineage::capture {

class Heartbeat {
public:
    /// `expected`: who must tell of it. Times are CLOCK_MONOTONIC: a clock that is set makes no beat late.
    Heartbeat(model::Witnesses expected, int period_s, model::TimeNs now_ns);

    /// Is it time for a beat? Then the helper with that pid is about to be told.
    [[nodiscard]] model::TimeNs due_ns() const { return waiting() ? verdict_ns_ : next_ns_; }
    void begin(pid_t helper, model::TimeNs now_ns);
    [[nodiscard]] bool waiting() const { return waiting_; }
    /// An audit record or a connector message, while waiting().
    void see(const model::Frame& frame);

    struct Verdict {
        model::Witnesses missing = 0;  ///< none: it came through
        /// For each witness that was missing, now or before: the interval to be told as lost; nothing is told twice.
        struct Interval {
            model::Witness witness;
            model::TimeNs from_ns;
            model::TimeNs to_ns;
        };
        std::vector<Interval> lost;
        bool alarm = false;  ///< it has just begun to be missing
    };
    /// Once everyone has told of the beat, or the time for it is over.
    std::optional<Verdict> verdict(model::TimeNs now_ns);

private:
    struct Track {
        model::Witness witness;
        bool seen = false;
        bool failing = false;
        model::TimeNs good_ns = 0;  ///< all was well then, or what was lost since has been told
    };
    std::vector<Track> tracks_;
    model::TimeNs period_ns_;
    model::TimeNs patience_ns_;
    bool waiting_ = false;
    model::TimeNs next_ns_;
    model::TimeNs began_ns_ = 0;
    model::TimeNs verdict_ns_ = 0;
    model::TimeNs word_ns_ = 0;  ///< of the last interval told while it goes on
    model::TimeNs word_pause_ns_ = 0;
    model::Pid helper_ = 0;
    std::string needle_;  ///< " pid=4242 "
};

/// The helper process. It ends with us, or when this object does.
class HeartbeatHelper {
public:
    /// Nothing of ours is left open in it. It must be started while audit is on: a task that was born
    /// before has no audit context.
    static base::Result<HeartbeatHelper> start();
    HeartbeatHelper(HeartbeatHelper&& other) noexcept;
    HeartbeatHelper& operator=(HeartbeatHelper&& other) noexcept;
    ~HeartbeatHelper();

    [[nodiscard]] pid_t pid() const { return pid_; }
    void beat();  ///< does not wait

private:
    HeartbeatHelper(pid_t pid, base::UniqueFd orders) : pid_(pid), orders_(std::move(orders)) {}
    void end();

    pid_t pid_ = -1;
    base::UniqueFd orders_;
};

}  // namespace lineage::capture
