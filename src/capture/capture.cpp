#include "lineage/capture/capture.hpp"

#include <fcntl.h>
#include <linux/audit.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "audit_input.hpp"
#include "clocks.hpp"
#include "datagrams.hpp"
#include "lineage/base/check.hpp"
#include "lineage/base/codec.hpp"
#include "lineage/connector/connector.hpp"
#include "lineage/procfs/entry.hpp"
#include "recording.hpp"

namespace lineage::capture {

namespace {

using model::Control;
using model::TimeNs;
using model::Witness;

constexpr TimeNs clock_tolerance_ns = 1'000'000;
constexpr TimeNs clock_jump_ns = 50'000'000;
constexpr std::size_t questions_max = 4096;  // unanswered ones; more are dropped, the tracker copes
constexpr model::Pid pid_limit = 1 << 22;    // PID_MAX_LIMIT, include/linux/threads.h
constexpr int answers_a_turn = 32;
constexpr int answer_pause_ms = 10;  // so at most 3,200 a second, about 15% of one cpu
constexpr int serve_every = 16;      // processes of a snapshot between looks at the audit socket
// "1200 - 1299 messages internal to the audit daemon" (linux/audit.h): it begins, ends, rotates its log.
constexpr std::uint16_t daemon_types_first = 1200;
constexpr std::uint16_t daemon_types_last = 1299;
constexpr TimeNs finish_ns_max = 500'000'000;
constexpr TimeNs never = INT64_MAX;

template <class... Values>
std::string payload_of(Values... values) {
    std::string payload;
    base::Encoder out(payload);
    (out.put(values), ...);
    return payload;
}

std::string names_of(model::Witnesses witnesses) {
    std::string names;
    for (const Witness one : {Witness::audit, Witness::connector})
        if (model::has(witnesses, one)) names += (names.empty() ? "" : ", ") + std::string(model::name_of(one));
    return names;
}

}  // namespace

struct Capture::State {
    State(FrameSink& sink_, Timing timing_, Window window_)
        : sink(sink_), window(std::move(window_)), recording(sink_, timing_), timing(timing_) {}

    FrameSink& sink;
    Window window;
    Carried& carried = window.carried();
    Recording recording;
    Timing timing;
    base::UniqueFd epoll{::epoll_create1(EPOLL_CLOEXEC)};
    base::UniqueFd clock_steps{::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK)};
    std::map<int, std::function<void()>> watched;

    base::UniqueFd audit_fd;
    AuditFeed feed = AuditFeed::unicast;
    std::unique_ptr<AuditInput> audit;
    bool audit_overrun = false;  ///< since the registered socket's queue was last seen empty, or before we had it
    bool audit_overran = false;  ///< likewise, as we have seen
    bool audit_polled = false;   ///< a plain file as stdin cannot be waited for
    base::UniqueFd connector;
    connector::Sequence sequence;
    Datagrams events{window.connector()};
    base::UniqueFd questions;
    std::set<model::Pid> asked;
    AuditWatch* state_watch = nullptr;
    std::function<void(const std::string&)> alarmed = [](const std::string&) {};

    std::optional<Heartbeat> heartbeat;
    HeartbeatHelper* helper = nullptr;
    std::function<void(model::Witnesses)> repair;

    std::function<void()> progress;
    int progress_every_ms = -1;

    bool resumed = false;
    bool stopping = false;
    bool more_is_there = false;
    std::function<procfs::ClockOffsets()> measure_clocks = procfs::clock_offsets;
    // Points of CLOCK_MONOTONIC at which something is due; `never` while there is no reason.
    TimeNs idle_due = never;
    TimeNs check_due = never;
    TimeNs look_due = never;
    TimeNs audit_changed_ns = 1;  ///< real: as records told, and nobody has looked since; 0: that has been looked at
    TimeNs look_earliest = 0;
    model::AuditLook looked;  ///< last; all 0: not yet
    TimeNs reconcile_due = never;
    TimeNs answer_due = never;
    TimeNs snapshot_at = 0;
    TimeNs clock_checked_at = 0;
    Counters counters;

    void arm_clock_steps() const {
        itimerspec far{};
        far.it_value.tv_sec = 1LL << 40;
        ::timerfd_settime(clock_steps.get(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far, nullptr);
    }

    bool wait_for(int fd) const {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = fd;
        return ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) == 0;
    }

    void control(Control type, std::string_view payload = {}) { recording.control(type, payload, realtime_now()); }

    void want_reconciliation() {
        const TimeNs earliest = snapshot_at + timing.reconcile_ms * 1'000'000LL;
        reconcile_due = std::min(reconcile_due, std::max(earliest, monotonic_now()));
    }

    void clocks_are_now() {
        const auto now = measure_clocks();
        carried.real_minus_mono_ns = now.real_minus_mono_ns;
        carried.real_minus_boot_ns = now.real_minus_boot_ns;
    }

    void check_clock() {
        clock_checked_at = monotonic_now();
        const auto now = measure_clocks();
        const auto by_ns = std::max(std::llabs(now.real_minus_mono_ns - carried.real_minus_mono_ns),
                                    std::llabs(now.real_minus_boot_ns - carried.real_minus_boot_ns));
        if (by_ns <= clock_tolerance_ns) return;
        carried.real_minus_mono_ns = now.real_minus_mono_ns;
        carried.real_minus_boot_ns = now.real_minus_boot_ns;
        control(Control::clock, payload_of(now.real_minus_mono_ns, now.real_minus_boot_ns));
        // Set, or the machine was suspended; slewing does a few ms in the time between two looks.
        if (by_ns >= clock_jump_ns) want_reconciliation();
    }

    /// Appends connector events until none is left or one is younger than `until_ns`.
    bool drain_connector(TimeNs until_ns, TimeNs received_ns) {
        bool any = false;
        bool more = connector || events.inherited();
        while (more) {
            const bool inherited = events.inherited();  // says nothing of what the queue holds
            const int count = events.receive(connector.get());
            if (count == -ENOBUFS) {
                carried.connector_overrun = true;
                connector_overflowed();
                continue;
            }
            if (count <= 0) {
                carried.connector_overrun = false;
                break;
            }
            any = true;
            const bool maybe_more = inherited || events.full();
            carried.connector_overrun &= maybe_more;
            const TimeNs youngest = append_events(received_ns);
            more = maybe_more && (youngest <= until_ns || inherited) && connector;
        }
        // The kernel says it once, and goes on dropping until the queue is empty (netlink_overrun, netlink_rcv_wake).
        if (carried.connector_overrun) connector_overflowed();
        carried.connector_sure_ns = received_ns;
        return any;
    }

    void connector_overflowed() {
        recording.lost(Witness::connector, carried.connector_sure_ns, realtime_now(), -1,
                       "the connector's receive queue overflowed");
        want_reconciliation();
    }

    /// Returns the stamp of the last one.
    TimeNs append_events(TimeNs received_ns) {
        TimeNs stamp_ns = 0;
        for (std::size_t i = 0; i < events.size(); ++i) {
            connector::split(events[i], [&](std::string_view message) {
                const model::Frame frame{
                    .source = model::Source::connector, .received_ns = received_ns, .payload = message};
                recording.append(frame);
                ++counters.connector;
                if (heartbeat && heartbeat->waiting()) heartbeat->see(frame);
                const auto stamp = connector::stamp_of(message);
                if (!stamp) return;
                stamp_ns = static_cast<TimeNs>(stamp->time_ns);
                // What was lost the journal's reader sees as well as we do; to look for it in /proc is ours.
                if (const auto hole = sequence.step(*stamp); hole && hole->lost > 0) want_reconciliation();
            });
        }
        return stamp_ns;
    }

    bool turn() {
        Received received;
        const bool events_are_in = events.clear();
        const bool records_are_in = !audit || audit->clear();
        if (events_are_in && records_are_in) carried.since = sink.position();
        if (audit) received = audit->receive();
        const TimeNs drained = monotonic_now();
        TimeNs received_ns = realtime_now();
        if (drained - clock_checked_at >= timing.check_ms * 1'000'000LL) check_clock();
        carried.alive_ns = received_ns;
        const bool events_came = drain_connector(drained, received_ns);
        if (received.any || events_came)
            recording.control(Control::connector_drained, payload_of(drained), received_ns);
        if (received.overrun) overran(received_ns);
        if (received.any) {
            audit->hand_over([&](model::Frame frame) {
                frame.received_ns = received_ns;
                recording.append(frame);
                ++counters.audit;
                if (tells_of_audit(frame)) suspect_audit();
                if (heartbeat && heartbeat->waiting()) heartbeat->see(frame);
            });
        }
        if (received.emptied && std::exchange(audit_overrun, false))
            recording.control(Control::audit_overrun, payload_of(std::uint8_t{0}), received_ns);
        // Not before: who reads /proc does not read the queue.
        if (received.emptied && std::exchange(audit_overran, false)) want_reconciliation();
        if (received.ended) stopping = true;
        more_is_there = received.full;
        if (progress && !received.failed) progress();
        if (!received.any && !events_came) return false;
        ++counters.turns;
        publish();
        idle_due = drained + timing.idle_ms * 1'000'000LL;
        if (check_due == never) check_due = drained + timing.check_ms * 1'000'000LL;
        return true;
    }

    /// A multicast queue that is full loses records. With a unicast one the kernel keeps them and tries again, but not
    /// for ever: whether any were dropped the journal's reader sees by their serials.
    void overran(TimeNs received_ns) {
        audit_overran = true;
        if (feed != AuditFeed::multicast) return doubt_audit(received_ns);
        recording.lost(Witness::audit, carried.lost_checked_ns, received_ns, -1,
                       "the multicast receive queue overflowed");
    }

    void doubt_audit(TimeNs received_ns) {
        if (!std::exchange(audit_overrun, true))
            recording.control(Control::audit_overrun, payload_of(std::uint8_t{1}), received_ns);
    }

    /// What waits in memory for the journal would be lost with this process: its successor is told since when.
    void publish() {
        recording.publish();
        if (!recording.failing())
            carried.waiting_since_ns = 0;
        else if (carried.waiting_since_ns == 0)
            carried.waiting_since_ns = realtime_now();
    }

    void append_process(model::Pid pid) {
        const auto seen = procfs::read_process(pid);
        const TimeNs received_ns = realtime_now();
        drain_connector(monotonic_now(), received_ns);
        if (!seen) return;
        const std::string payload = procfs::encode(*seen);
        recording.append({.source = model::Source::procfs, .received_ns = received_ns, .payload = payload});
    }

    void snapshot() {
        reconcile_due = never;
        const TimeNs began_ns = realtime_now();
        control(Control::snapshot_begin, payload_of(began_ns));
        int served = 0;
        for (const auto pid : procfs::list_pids()) {
            append_process(pid);
            if (++served % serve_every == 0) turn();
        }
        turn();
        control(Control::snapshot_end, payload_of(began_ns));
        publish();
        snapshot_at = monotonic_now();
        // Audit says nothing of who is killed by a signal.
        if (!connector) reconcile_due = snapshot_at + timing.look_s * 1'000'000'000LL;
    }

    void read_questions() {
        model::Pid pids[1024];
        const ssize_t size = ::read(questions.get(), pids, sizeof pids);
        if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (size <= 0) return drop_questions();
        const auto count = static_cast<std::size_t>(size) / sizeof pids[0];
        for (std::size_t i = 0; i < count && asked.size() < questions_max; ++i)
            if (pids[i] > 0 && pids[i] <= pid_limit) asked.insert(pids[i]);  // who asks reads hostile bytes
        if (!asked.empty() && answer_due == never) answer_due = monotonic_now();
    }

    void drop_questions() {
        if (!questions) return;
        watched.erase(questions.get());
        questions.reset();
        asked.clear();
        answer_due = never;
    }

    void answer() {
        for (int i = 0; i < answers_a_turn && !asked.empty(); ++i) append_process(asked.extract(asked.begin()).value());
        publish();
        answer_due = asked.empty() ? never : monotonic_now() + answer_pause_ms * 1'000'000LL;
    }

    void lost_is(std::uint32_t counter) {
        const TimeNs now = realtime_now();
        // Someone may have set it back to 0 (AUDIT_STATUS_LOST).
        const std::uint32_t more = counter >= carried.lost ? counter - carried.lost : counter;
        if (more > 0) {
            recording.lost(Witness::audit, carried.lost_checked_ns, now, more, "the kernel dropped audit records");
            publish();
            want_reconciliation();
        }
        carried.lost = counter;
        carried.lost_checked_ns = now;
    }

    /// By its type alone: rules or settings were changed, or another daemon begins, ends or wants our place.
    static bool tells_of_audit(const model::Frame& frame) {
        if (frame.source != model::Source::audit) return false;
        return frame.type == AUDIT_CONFIG_CHANGE ||
               (frame.type >= daemon_types_first && frame.type <= daemon_types_last);
    }

    void suspect_audit() {
        audit_changed_ns = realtime_now();
        if (state_watch != nullptr) look_due = std::min(look_due, std::max(look_earliest, monotonic_now()));
    }

    void look_at_audit() {
        const TimeNs now = monotonic_now();
        look_due = now + timing.check_ms * 1'000'000LL;
        look_earliest = now + timing.spacing_ms * 1'000'000LL;
        state_watch->request();
    }

    void audit_is(const AuditWatch::Answer& answer) {
        lost_is(answer.lost);
        const TimeNs now = monotonic_now();
        look_earliest = std::max(look_earliest, now + TimeNs{answer.pause_ms} * 1'000'000);
        if (answer.again_ms >= 0) look_due = std::min(look_due, now + TimeNs{answer.again_ms} * 1'000'000);
        look_due = std::max(look_due, look_earliest);
        for (const model::Tampered& one : answer.tampering) recording.tampered(one);
        const model::AuditLook look{answer.asked_ns, realtime_now(), answer.excludes};
        if (audit_changed_ns != 0)
            control(Control::audit_looked, payload_of(look.asked_ns, look.answered_ns, look.excludes, looked.asked_ns,
                                                      looked.answered_ns, looked.excludes));
        looked = look;
        if (answer.asked_ns >= audit_changed_ns) audit_changed_ns = 0;
        if (!answer.tampering.empty()) publish();
        if (answer.reconcile) want_reconciliation();
        for (const std::string& text : answer.alarms) alarmed(text);
    }

    void look_after_heartbeat() {
        if (const auto verdict = heartbeat->verdict(monotonic_now())) return judge(*verdict);
        if (heartbeat->waiting()) return;
        heartbeat->begin(helper->pid(), monotonic_now());
        helper->beat();
    }

    void judge(const Heartbeat::Verdict& verdict) {
        for (const auto& one : verdict.lost)
            recording.lost(one.witness, one.from_ns + carried.real_minus_mono_ns,
                           one.to_ns + carried.real_minus_mono_ns, -1, "the heartbeat did not come through");
        if (!verdict.lost.empty()) {
            publish();
            want_reconciliation();
        }
        if (verdict.alarm) alarmed("the heartbeat did not come through (" + names_of(verdict.missing) + "); repairing");
        if (verdict.missing != 0) repair(verdict.missing);
    }

    void do_what_is_due() {
        const TimeNs now = monotonic_now();
        if (now >= idle_due) {
            idle_due = never;
            control(Control::idle);
            publish();
        }
        if (now >= check_due) {
            check_due = never;
            check_clock();
        }
        if (now >= look_due) look_at_audit();
        if (heartbeat && now >= heartbeat->due_ns()) look_after_heartbeat();
        if (now >= answer_due) answer();
        if (now >= recording.retry_due_ns()) publish();
        if (recording.take_recovered()) want_reconciliation();
        if (now >= reconcile_due) snapshot();
    }

    [[nodiscard]] int timeout_ms() const {
        if (audit_polled) return 0;
        const TimeNs beat_due = heartbeat ? heartbeat->due_ns() : never;
        const TimeNs due =
            std::min({idle_due, check_due, look_due, beat_due, reconcile_due, answer_due, recording.retry_due_ns()});
        if (due == never) return progress_every_ms;
        return static_cast<int>(std::clamp<TimeNs>((due - monotonic_now() + 999'999) / 1'000'000, 0,
                                                   progress ? progress_every_ms : 60'000));
    }

    /// The first record after silence is taken at once; those that follow closely are taken together. Meanwhile they
    /// wait in the sockets' queues, and nobody is woken for each of them.
    void gather() const {
        if (more_is_there || stopping || timing.gather_us == 0) return;
        const timespec pause{0, timing.gather_us * 1000L};
        ::clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, nullptr);
    }

    void wait() {
        epoll_event ready[16];
        const int count = ::epoll_wait(epoll.get(), ready, std::size(ready), timeout_ms());
        for (int i = 0; i < count; ++i) {
            const auto found = watched.find(ready[i].data.fd);
            if (found == watched.end()) continue;
            const auto action = found->second;  // it may unwatch itself
            action();
        }
    }
};

Capture::Capture(FrameSink& sink, Timing timing, Window window)
    : state_(std::make_unique<State>(sink, timing, std::move(window))) {
    CHECK(state_->epoll && state_->clock_steps);
    state_->arm_clock_steps();
    if (state_->carried.real_minus_boot_ns == 0) state_->clocks_are_now();
    watch(state_->clock_steps.get(), [state = state_.get()] {
        std::uint64_t expirations = 0;
        [[maybe_unused]] const auto cancelled = ::read(state->clock_steps.get(), &expirations, sizeof expirations);
        state->arm_clock_steps();
        state->check_clock();
    });
}
Capture::~Capture() = default;
Capture::Capture(Capture&&) noexcept = default;

base::Status Capture::begin(const model::BootBegan& boot) {
    std::string payload;
    base::Encoder out(payload);
    out.put_bytes(boot.name);
    out.put_bytes(boot.host);
    out.put(boot.real_minus_mono_ns);
    out.put(boot.started_ns);
    Carried& carried = state_->carried;
    carried.real_minus_mono_ns = boot.real_minus_mono_ns;
    carried.real_minus_boot_ns = boot.started_ns;
    carried.alive_ns = carried.lost_checked_ns = carried.connector_sure_ns = realtime_now();
    return state_->recording.first({.source = model::Source::control,
                                    .type = static_cast<std::uint16_t>(Control::boot),
                                    .received_ns = realtime_now(),
                                    .payload = payload});
}

base::Status Capture::resume() {
    state_->resumed = true;
    state_->check_due = monotonic_now();
    const TimeNs now = realtime_now();
    const std::string payload = payload_of(state_->carried.alive_ns, now, ::getpid());
    return state_->recording.first({.source = model::Source::control,
                                    .type = static_cast<std::uint16_t>(Control::resumed),
                                    .received_ns = now,
                                    .payload = payload});
}

void Capture::attach_connector(base::UniqueFd socket) {
    state_->connector = std::move(socket);
    CHECK(state_->wait_for(state_->connector.get()));
    if (!state_->resumed) state_->control(Control::connector_up);
}

void Capture::attach_audit(base::UniqueFd input, AuditFeed feed, bool alone, bool was_in_force) {
    state_->audit_fd = std::move(input);
    state_->feed = feed;
    const int fd = state_->audit_fd.get();
    state_->audit = feed == AuditFeed::lines ? make_line_input(fd) : make_netlink_input(fd, state_->window.audit());
    state_->audit_polled = !state_->wait_for(fd);
    if (!state_->resumed) return state_->control(Control::audit_up, payload_of(alone, was_in_force, ::getpid()));
    // The kernel says it once, perhaps to the one that died.
    if (feed == AuditFeed::unicast) state_->doubt_audit(realtime_now());
}

void Capture::watch_audit(AuditWatch& watched, std::uint32_t lost, TimeNs since_ns) {
    state_->state_watch = &watched;
    if (state_->resumed) {
        state_->lost_is(lost);
    } else {
        state_->carried.lost = lost;
        if (since_ns != 0) state_->carried.lost_checked_ns = since_ns;
    }
    state_->look_due = monotonic_now();
    watch(watched.fd(), [state = state_.get()] {
        if (const auto answer = state->state_watch->take()) state->audit_is(*answer);
    });
}

void Capture::found_before(const std::vector<model::Tampered>& tampering) {
    if (tampering.empty()) return;
    for (const model::Tampered& one : tampering) state_->recording.tampered(one);
    state_->publish();
    state_->want_reconciliation();
}

void Capture::was_away(std::string_view why) {
    state_->recording.lost(Witness::audit, state_->carried.lost_checked_ns, realtime_now(), -1, why);
    state_->want_reconciliation();
}

void Capture::on_alarm(std::function<void(const std::string&)> told) {
    state_->alarmed = std::move(told);
}

void Capture::attach_heartbeat(Heartbeat heartbeat, HeartbeatHelper& helper,
                               std::function<void(model::Witnesses)> repair) {
    state_->heartbeat.emplace(std::move(heartbeat));
    state_->helper = &helper;
    state_->repair = std::move(repair);
}

void Capture::detach_heartbeat() {
    state_->heartbeat.reset();
}

void Capture::check_every(int check_ms) {
    state_->timing.check_ms = check_ms;
    state_->suspect_audit();
}

void Capture::suspect_audit() {
    state_->suspect_audit();
}

void Capture::attach_questions(base::UniqueFd pipe) {
    state_->drop_questions();
    const int fd = pipe.get();
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
    state_->questions = std::move(pipe);
    watch(fd, [state = state_.get()] { state->read_questions(); });
}

void Capture::watch(int fd, std::function<void()> ready) {
    CHECK(state_->wait_for(fd));
    state_->watched[fd] = std::move(ready);
}

void Capture::unwatch(int fd) {
    if (state_->watched.erase(fd) > 0) ::epoll_ctl(state_->epoll.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void Capture::snapshot() {
    state_->snapshot();
}

void Capture::run() {
    while (!state_->stopping) {
        state_->wait();
        state_->turn();
        state_->do_what_is_due();
        state_->gather();
    }
}

void Capture::on_progress(int every_ms, std::function<void()> progress) {
    state_->progress_every_ms = every_ms;
    state_->progress = std::move(progress);
}

void Capture::measure_clocks_by(std::function<procfs::ClockOffsets()> measure) {
    state_->measure_clocks = std::move(measure);
    state_->clocks_are_now();
}

void Capture::on_journal(std::function<void(const base::Status&)> told) {
    state_->recording.on_change = std::move(told);
}

void Capture::stop() {
    state_->stopping = true;
}
bool Capture::turn() {
    return state_->turn();
}
void Capture::lost_is(std::uint32_t lost) {
    state_->lost_is(lost);
}

void Capture::finish() {
    // Beside another daemon, or from the connector, records never end on a busy host.
    const TimeNs deadline = monotonic_now() + finish_ns_max;
    while (turn() && monotonic_now() < deadline) {
    }
    // Nobody else would ever tell of those who were killed since the last look.
    if (!state_->connector && state_->snapshot_at != 0) state_->snapshot();
    if (state_->audit) state_->control(Control::audit_down);
    if (state_->connector) state_->control(Control::connector_down);
    state_->control(Control::stop);
    state_->recording.flush();
    state_->publish();
}

int Capture::connector_fd() const {
    return state_->connector.get();
}

int Capture::audit_fd() const {
    return state_->audit_fd.get();
}

void Capture::detach() {
    state_->audit.reset();
    state_->audit_fd.reset();
    state_->connector.reset();
}

Capture::Counters Capture::counters() const {
    Counters counters = state_->counters;
    counters.dropped = state_->recording.dropped();
    return counters;
}

}  // namespace lineage::capture
