// The recorder's front: takes what the witnesses send off their sockets and appends it, raw and in order of receipt, to
// the journal. It parses no more than headers and waits for nothing but its descriptors.
//
// Promise about order, on which the tracker's exactness rests: every audit record stands in the journal behind all
// connector events that happened before it. Each turn takes a batch of audit records into memory, looks at the clock
// (t), takes connector events until none is left or one is younger than t, and only then appends the audit batch. What
// the kernel did before it emitted a record of the batch was in the connector's queue before t, since both are queued
// by the task that acts, so it is above the record. `connector_drained` t means just that; an event of another cpu may
// be stamped a little before t and still follow.
//
// A journal that fails does not stop the reading: frames wait in memory, within Timing::waiting_bytes_max; beyond that
// the oldest are dropped, and a Lost frame says so when the journal works again.
//
// Not thread safe. Nothing here needs a privilege: descriptors are handed in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lineage/base/result.hpp"
#include "lineage/base/unique_fd.hpp"
#include "lineage/capture/heartbeat.hpp"
#include "lineage/capture/window.hpp"
#include "lineage/model/frame.hpp"
#include "lineage/model/observation.hpp"
#include "lineage/procfs/entry.hpp"

namespace lineage::capture {

/// The edge to the journal (journal::Writer; a fake in tests).
class FrameSink {
public:
    virtual ~FrameSink() = default;
    virtual base::Status append(const model::Frame& frame) = 0;
    virtual void publish() = 0;
    [[nodiscard]] virtual std::uint64_t position() const = 0;  ///< behind the last frame
};

/// The edge to the kernel's audit state: how many records it has lost, and what weakens the recording (RuleGuard; a
/// fake in tests).
class AuditWatch {
public:
    virtual ~AuditWatch() = default;
    virtual int fd() = 0;        ///< readable when an answer is there
    virtual void request() = 0;  ///< does not wait
    struct Answer {
        std::uint32_t lost = 0;
        std::int64_t excludes = 0;               ///< rules in the exclude list
        model::TimeNs asked_ns = 0;              ///< real: the answer is true then or later
        std::vector<model::Tampered> tampering;  ///< news
        std::vector<std::string> alarms;         ///< for the operator
        bool reconcile = false;                  ///< what happened meanwhile is to be looked up in /proc
        int again_ms = -1;                       ///< look again then, reason or not; -1: no need
        int pause_ms = 0;                        ///< do not look earlier, whatever the reason
    };
    virtual std::optional<Answer> take() = 0;
};

enum class AuditFeed { unicast, multicast, lines };

struct Timing {
    int gather_us = 4000;     ///< between turns while records trickle in: a turn costs the same for one as for many
    int idle_ms = 30;         ///< of silence before an `idle` frame: longer than the assembler's settle time
    int check_ms = 1000;      ///< between looks at the clocks while records come, and at the audit state always
    int spacing_ms = 20;      ///< at least, from one look at the audit state to the next
    int reconcile_ms = 2000;  ///< at least, from one /proc snapshot to the next
    int retry_ms = 200;       ///< at least, from one attempt to write a failing journal to the next
    std::size_t waiting_bytes_max = 64U << 20;  ///< of frames in memory while the journal takes none
    int look_s = 60;  ///< from one to the next without the connector: nobody else tells who was killed
};

class Capture {
public:
    /// What an earlier capture left in `window` is handed over before anything is received.
    explicit Capture(FrameSink& sink, Timing timing = {}, Window window = Window::of_own());
    ~Capture();
    Capture(Capture&&) noexcept;

    /// The first frame; its failure means that the journal cannot be written.
    base::Status begin(const model::BootBegan& boot);
    /// Instead of begin(): an earlier capture's sockets were kept open and are attached now, so that nothing is missing
    /// between its last frame and our first. What the counters have counted since it last looked is told.
    base::Status resume();
    void attach_connector(base::UniqueFd socket);
    /// `alone`: no other consumer sees these records; `was_in_force`: our rules, before. The feed's end (stdin closed)
    /// ends run().
    void attach_audit(base::UniqueFd input, AuditFeed feed, bool alone, bool was_in_force = false);
    /// Losses are counted from `lost` on, which it was at `since_ns` (0: now); when resumed, from where the earlier
    /// capture left off. `watch` must outlive run().
    void watch_audit(AuditWatch& watch, std::uint32_t lost, model::TimeNs since_ns = 0);
    /// What weakened the recording before it began, and is about to be undone: it is in the journal first.
    void found_before(const std::vector<model::Tampered>& tampering);
    /// Though the sockets were kept, audit has not told all since the last look at it.
    void was_away(std::string_view why);
    /// Told what an operator should know at once, in one line.
    void on_alarm(std::function<void(const std::string&)> told);
    /// Calls `progress` after every turn that took what was there or found nothing, and at least every `every_ms`.
    void on_progress(int every_ms, std::function<void()> progress);
    /// Instead of this machine's clocks.
    void measure_clocks_by(std::function<procfs::ClockOffsets()> measure);
    /// Told when the journal stops taking frames, with why, and when it takes them again.
    void on_journal(std::function<void(const base::Status&)> told);
    /// Where the tracker's questions come from (native-endian i32 pids); replaces an earlier one.
    void attach_questions(base::UniqueFd pipe);
    /// Calls `ready` whenever `fd` is readable; it may unwatch itself.
    void watch(int fd, std::function<void()> ready);
    void unwatch(int fd);

    /// Reads all of /proc into the journal; the sockets are served meanwhile.
    void snapshot();
    /// Receives until stop().
    void run();
    void stop();

    /// One turn: appends and publishes what is there now. False when nothing was.
    bool turn();
    /// `helper` must outlive run(). `repair` is called when a beat was missing, with those who did not tell of it: what
    /// follows is the caller's to do, a new helper included.
    void attach_heartbeat(Heartbeat heartbeat, HeartbeatHelper& helper, std::function<void(model::Witnesses)> repair);
    void detach_heartbeat();
    /// Timing::check_ms.
    void check_every(int check_ms);
    /// Look at the audit state as soon as that may be.
    void suspect_audit();
    /// The counter stands at `lost` now: what came on top since the last look becomes a Lost frame.
    void lost_is(std::uint32_t lost);
    /// The orderly end: takes what is left and appends `stop`.
    void finish();

    [[nodiscard]] int audit_fd() const;
    /// Closes the sockets; nothing is received any more.
    void detach();
    [[nodiscard]] int connector_fd() const;
    struct Counters {
        std::uint64_t audit = 0;
        std::uint64_t connector = 0;
        std::uint64_t turns = 0;
        std::uint64_t dropped = 0;  ///< frames that the journal did not take
    };
    [[nodiscard]] Counters counters() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace lineage::capture
