#include "recorder.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "lineage/base/check.hpp"
#include "lineage/base/run_directory.hpp"
#include "lineage/connector/connector.hpp"
#include "lineage/procfs/entry.hpp"

namespace lineage::daemon {

namespace {

constexpr int tracker_finish_ms = 60'000;
constexpr std::int64_t tracker_still_ns_max = 5'000'000'000;
// What is wrong with the database shows at once as a rule; nobody else's lock on it, nor its size, keeps us waiting.
constexpr int tracker_open_ms = 2'000;
// A tracker that cannot stay alive is tried again after a pause that doubles.
constexpr int respawn_pause_min_ms = 200;
constexpr int respawn_pause_max_ms = 60'000;
constexpr int retry_pause_ms = 1'000;
constexpr std::int64_t stable_ns = 60'000'000'000;
constexpr std::int64_t audit_drain_ns_max = 1'000'000'000;
constexpr int audit_settle_ms = 5;

std::int64_t now_of(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

const char* name_of(SourceChoice source) {
    switch (source) {
        case SourceChoice::automatic:
            break;
        case SourceChoice::netlink:
            return "netlink";
        case SourceChoice::multicast:
            return "multicast";
        case SourceChoice::plugin:
            return "plugin";
        case SourceChoice::connector:
            return "connector";
    }
    return "auto";
}

base::UniqueFd take_signals() {
    sigset_t signals;
    ::sigemptyset(&signals);
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR2, SIGCHLD}) ::sigaddset(&signals, number);
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    return base::UniqueFd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
}

void keep_first(base::Status& first, base::Status&& next) {
    if (first && !next) first = std::move(next);
}

bool may_pass(const base::Status& status) {
    return !status && status.error().remedy == base::Remedy::waiting;
}

}  // namespace

/// The journal as capture's edge; lets segments go that the tracker needs no more.
class Recorder::JournalSink final : public capture::FrameSink {
public:
    JournalSink(journal::Writer& journal, JournalSync& sync, const TrackerProcess& tracker, std::function<void()> moved)
        : journal_(journal), sync_(sync), tracker_(tracker), moved_(std::move(moved)) {}
    base::Status append(const model::Frame& frame) override { return journal_.append(frame); }
    [[nodiscard]] std::uint64_t position() const override { return journal_.end(); }
    void publish() override {
        journal_.publish();
        sync_.note(journal_.end());
        if (journal_.take_moved()) moved_();
        const auto needed_from = std::min(tracker_.needed_from(), journal_.end());  // its word, so within bounds
        if (needed_from == released_) return;
        released_ = needed_from;
        journal_.release(needed_from);
    }

private:
    journal::Writer& journal_;
    JournalSync& sync_;
    const TrackerProcess& tracker_;
    std::function<void()> moved_;  ///< into another folder
    journal::Position released_ = 0;
};

Recorder::Recorder(const Settings& settings, const Operator& to_whom, Announcement& announcement)
    : settings_(settings),
      operator_(to_whom),
      announcement_(announcement),
      kept_(Kept::take(manager_)),
      troubles_(to_whom, settings.database),
      source_(settings.source),
      tracker_(settings),
      log_(settings_, to_whom, troubles_) {}

Recorder::~Recorder() = default;

base::Status Recorder::run() {
    if (auto prepared = prepare(); !prepared) return prepared;
    if (auto begun = begin(); !begun) {
        take_back_audit();
        give_back_registration();
        return begun;
    }
    // Not before: a start that fails says why it failed, and nothing else.
    if (!tracker_.has_account()) operator_.say(Priority::notice, why_no_account(settings_.tracker_user));
    capture_->snapshot();
    capture_->run();
    // What is received from here on waits in the sockets for our successor; the tracker reads to the journal's end.
    if (handing_over_) return {};
    return end();
}

base::Status readable_stdin() {
    struct stat input {};
    if (::fstat(STDIN_FILENO, &input) != 0) return base::fail_errno("standard input of --source plugin", errno);
    if (S_ISDIR(input.st_mode)) return base::fail_errno("standard input of --source plugin", EISDIR);
    const int mode = ::fcntl(STDIN_FILENO, F_GETFL) & O_ACCMODE;
    if (mode == O_WRONLY) return base::fail_errno("standard input of --source plugin", EBADF);
    return {};
}

/// Everything that can be refused without a trace in audit.
base::Status Recorder::prepare() {
    if (source_ == SourceChoice::plugin)
        if (auto readable = readable_stdin(); !readable) return readable;
    signals_ = take_signals();
    respawn_timer_.reset(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    CHECK(signals_ && respawn_timer_);
    if (auto chosen = choose_source(); !chosen) return chosen;
    const auto account = find_account(settings_.tracker_user);
    if (!account) return tl::unexpected(account.error());
    if (auto kept = keep_capture_privileges(settings_.database, settings_.journal(), *account); !kept) return kept;
    tracker_.run_as(*account);
    auto journal = journal::Writer::open(settings_.journal(), {.total_bytes_max = settings_.journal_bytes_max});
    if (!journal) return tl::unexpected(journal.error());
    journal_.emplace(std::move(*journal));
    troubles_.forget_predecessors();
    sync_.emplace(*journal_, settings_.sync_ms, [this](const base::Status& synced) {
        if (synced) return operator_.say(Priority::notice, "the journal goes to the disk again");
        operator_.say(Priority::alert, synced.error().message() + "; a power failure would lose what is recorded now");
    });
    sink_ = std::make_unique<JournalSink>(*journal_, *sync_, tracker_, [this] {
        tracker_.begin_anew(settings_);  // its root is the one before
        log_.begin_anew();
    });
    if (auto started = log_.start(source_ == SourceChoice::netlink, journal_->end()); !started) return started;
    if (auto spawned = tracker_.spawn(); !spawned) return spawned;
    spawned_at_ns_ = now_of(CLOCK_MONOTONIC);
    // Where sockets are waiting they come first; the database was good enough for the run before. What may pass does so
    // while we record.
    if (!has_all())
        if (auto opened = tracker_.await_opened(tracker_open_ms); !opened && !may_pass(opened)) return opened;
    if (const auto mended = tracker_.take_alarm(); !mended.empty()) operator_.say(Priority::alert, mended);
    return {};
}

/// Beside a daemon that is alive we only listen; else we are the daemon. What was kept decides it as it was before.
base::Status Recorder::choose_source() {
    if (source_ == SourceChoice::plugin || source_ == SourceChoice::connector) return {};
    auto control = audit::Control::open();
    if (!control) return tl::unexpected(control.error());
    const auto state = control->state();
    if (!state) return tl::unexpected(state.error());
    const bool taken = state->pid != 0 && ::kill(static_cast<pid_t>(state->pid), 0) == 0;
    if (source_ == SourceChoice::automatic)
        source_ = taken && !kept_.unicast ? SourceChoice::multicast : SourceChoice::netlink;
    return {};
}

bool Recorder::has_all() const {
    const bool wants_connector = settings_.source != SourceChoice::netlink;
    const bool audit = source_ == SourceChoice::connector || (source_ == SourceChoice::netlink && kept_.unicast) ||
                       (source_ == SourceChoice::multicast && kept_.multicast);
    return kept_.window && audit && (!wants_connector || kept_.connector);
}

void Recorder::keep(const char* name, int fd) const {
    if (source_ != SourceChoice::plugin) ServiceManager::keep(name, fd);  // nobody keeps its pipe
}

base::Status Recorder::begin_capture() {
    // The connector alone does not say what was run: /proc has to be asked while the process still lives.
    capture::Timing timing;
    if (source_ == SourceChoice::connector) timing.gather_us = 0;
    timing.check_ms = settings_.rules_check_ms;
    // A journal that had not been written lacks what the dead one had in memory, perhaps even which boot this is.
    goes_on_ = has_all() && kept_.window->carried().waiting_since_ns == 0;
    if (kept_.window) kept_.window->settle(settings_.journal());
    auto window = kept_.window ? base::Result<capture::Window>(std::move(*kept_.window)) : capture::Window::make();
    if (!window) return tl::unexpected(window.error());
    good_ns_ = goes_on_ ? window->carried().alive_ns : since_ns_;
    keep(Kept::window_name, window->fd());
    capture_ = std::make_unique<capture::Capture>(*sink_, timing, std::move(*window));
    capture_->on_alarm([this](const std::string& text) { operator_.say(Priority::alert, text); });
    capture_->on_journal([this](const base::Status& status) {
        troubles_.tell("journal", status, "what is received waits in memory, the oldest goes when there is too much");
    });
    const auto boot = procfs::read_boot();
    boot_ = boot.name;
    boot_started_ns_ = boot.started_ns;
    return goes_on_ ? capture_->resume() : capture_->begin(boot);
}

base::Status Recorder::begin() {
    since_ns_ = now_of(CLOCK_REALTIME);
    if (auto begun = begin_capture(); !begun) return begun;
    if (auto opened = open_connector(); !opened) return opened;
    if (auto opened = open_audit(); !opened) return opened;
    if (auto started = start_heartbeat(); !started) return started;
    kept_.forget_rest();
    watch_progress();
    look_after_tracker();
    capture_->watch(signals_.get(), [this] { on_signal(); });
    capture_->watch(respawn_timer_.get(), [this] { respawn(); });
    log_.attach(*capture_);
    return {};
}

base::Status Recorder::open_connector() {
    if (source_ == SourceChoice::netlink && settings_.source == SourceChoice::netlink) return {};
    auto socket = kept_.connector ? base::Result<base::UniqueFd>(std::move(kept_.connector))
                                  : connector::open_socket(settings_.queue_bytes);
    if (socket) {
        keep(Kept::connector_name, socket->get());
        capture_->attach_connector(std::move(*socket));
        connector_fact_ = "on";
        return {};
    }
    connector_fact_ = "off: " + socket.error().cause;
    if (source_ == SourceChoice::connector) return tl::unexpected(socket.error());
    return {};
}

base::Status Recorder::open_audit() {
    if (source_ == SourceChoice::connector) return {};
    if (source_ == SourceChoice::plugin) {
        capture_->attach_audit(base::UniqueFd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)), capture::AuditFeed::lines,
                               false);
        return {};
    }
    const bool alone = source_ == SourceChoice::netlink;
    base::UniqueFd& kept = alone ? kept_.unicast : kept_.multicast;
    if (kept) {
        const auto registered = alone ? audit::take_over_unicast(kept.get()) : true;
        if (!registered) return tl::unexpected(registered.error());
        if (goes_on_ && !*registered)
            capture_->was_away("the kernel had given up the audit daemon, which was dead or slow");
        return hold_audit(std::move(kept), alone);
    }
    // Registered before audit is switched on: what no daemon takes goes to the kernel log.
    auto socket = alone ? audit::open_unicast(settings_.queue_bytes) : audit::open_multicast(settings_.queue_bytes);
    if (!socket) return tl::unexpected(socket.error());
    return hold_audit(std::move(*socket), alone);
}

base::Status Recorder::hold_audit(base::UniqueFd socket, bool alone) {
    keep(alone ? Kept::unicast_name : Kept::multicast_name, socket.get());
    registered_ = alone;
    auto control = audit::Control::open();
    if (!control) return tl::unexpected(control.error());
    const capture::AuditWishes wishes{.rules = settings_.rules,
                                      .backlog = alone,
                                      .backlog_limit = settings_.backlog_limit,
                                      .backlog_wait_ms = settings_.backlog_wait_ms,
                                      .lock = settings_.rules_lock};
    const auto file = base::in_run_directory(base::as_name(settings_.database) + ".audit");
    auto hold = capture::AuditHold::find(std::move(*control), file, boot_, wishes, journal_->is_new());
    if (!hold) return tl::unexpected(hold.error());
    hold_.emplace(std::move(*hold));
    capture_->attach_audit(std::move(socket), alone ? capture::AuditFeed::unicast : capture::AuditFeed::multicast,
                           alone, hold_->was_in_force());
    guard_.emplace(*hold_, alone ? capture_->audit_fd() : -1,
                   capture::GuardTiming{.alarm_interval_s = static_cast<int>(settings_.rules_alarm_interval_s)},
                   hold_->behind_loader() ? boot_started_ns_ : good_ns_);
    if (goes_on_ && hold_->was_ending()) capture_->was_away("lineaged was killed while it gave audit back");
    if (hold_->behind_loader())
        capture_->watch_audit(*guard_, 0, boot_started_ns_);
    else
        capture_->watch_audit(*guard_, hold_->lost());
    capture_->found_before(guard_->find_before());
    if (auto put = hold_->put_in_force(); !put) {
        hold_.reset();  // nothing is held
        return put;
    }
    if (!hold_->kept())
        operator_.say(Priority::warning,
                      hold_->kept().error().message() +
                          "; the audit settings that were found are known only for as long as lineaged lives");
    for (const auto& rule : hold_->aside())
        operator_.say(Priority::warning,
                      "set aside until the end, since it hides records: " + audit::text_of_rule(rule));
    return {};
}

/// Who must tell of it: audit, where our rules are in force, and the connector.
base::Status Recorder::start_heartbeat() {
    model::Witnesses expected = 0;
    if (hold_ && settings_.rules) expected = expected | model::Witness::audit;
    if (capture_->connector_fd() >= 0) expected = expected | model::Witness::connector;
    capture_->detach_heartbeat();
    if (settings_.rules_heartbeat_s == 0 || expected == 0) return {};
    auto helper = capture::HeartbeatHelper::start();
    if (!helper) return tl::unexpected(helper.error());
    helper_.emplace(std::move(*helper));
    capture_->attach_heartbeat(
        capture::Heartbeat(expected, static_cast<int>(settings_.rules_heartbeat_s), now_of(CLOCK_MONOTONIC)), *helper_,
        [this](model::Witnesses missing) { repair(missing); });
    return {};
}

/// Whatever may be wrong: the helper is not audited, or stopped, or dead; the rules; the registration; the
/// subscription.
void Recorder::repair(model::Witnesses missing) {
    if (auto helper = capture::HeartbeatHelper::start()) *helper_ = std::move(*helper);
    if (model::has(missing, model::Witness::connector)) (void)connector::subscribe_again(capture_->connector_fd());
    if (!model::has(missing, model::Witness::audit)) return;
    if (registered_) (void)audit::register_again(capture_->audit_fd());
    capture_->suspect_audit();
}

/// Who looks whether we go round: the service manager, where it wants to be told, and a process of our own.
void Recorder::watch_progress() {
    stall_watch_.look_after();  // the service manager may itself be waiting for room among the records
    const int watchdog_ms = manager_.watchdog_ms() / 4;
    const int every_ms =
        watchdog_ms == 0 ? StallWatch::progress_every_ms : std::min<int>(watchdog_ms, StallWatch::progress_every_ms);
    capture_->on_progress(every_ms, [this, watchdog_ms] {
        stall_watch_.progress();
        const auto now = now_of(CLOCK_MONOTONIC);
        look_at_tracker(now);
        if (watchdog_ms == 0 || now - watchdog_told_ns_ < watchdog_ms * 1'000'000LL) return;
        watchdog_told_ns_ = now;
        ServiceManager::notify("WATCHDOG=1");
    });
}

/// Nobody waits for it; but what it does not read the journal keeps only within its bound.
void Recorder::look_at_tracker(std::int64_t now_ns) {
    const auto still_ns = tracker_.still_ns(now_ns);
    if (!still_ns) return;
    const bool stands = *still_ns > tracker_still_ns_max;
    if (stands == std::exchange(tracker_stands_, stands)) return;
    base::Status status;
    if (stands) status = base::fail("tracker", "it stands still: stopped, or waiting for its disk");
    troubles_.tell("tracker", status, "what is recorded waits in the journal");
}

std::map<std::string, std::string> Recorder::facts() const {
    const bool rules = hold_ && settings_.rules;
    return {{"recorder.pid", std::to_string(::getpid())},
            {"recorder.boot", boot_},
            {"recorder.source", name_of(source_)},
            {"recorder.since_ns", std::to_string(since_ns_)},
            {"recorder.journal", settings_.journal()},
            {"recorder.troubles", troubles_.file()},
            {"rules.count", std::to_string(rules ? audit::lineage_rules().size() : 0)},
            {"rules.aside", std::to_string(hold_ ? hold_->aside().size() : 0)},
            {"rules.key", rules ? "lineage" : ""},
            {"witnesses.audit", source_ == SourceChoice::connector ? "off" : name_of(source_)},
            {"witnesses.connector", connector_fact_}};
}

/// The orderly end: what was received is in the journal and the database, audit is as it was found.
base::Status Recorder::end() {
    helper_.reset();
    take_back_audit();
    capture_->finish();
    give_back_registration();
    log_.begin_anew();
    if (tracker_.ends_early()) (void)tracker_.finish(tracker_finish_ms);
    if (!tracker_.running() && failure_) {
        // It died or began anew lately: one more, so that the database ends where the journal does.
        keep_first(failure_, tracker_.spawn());
        if (failure_) tracker_.go(facts());
        if (failure_) keep_first(failure_, tracker_.await_opened(tracker_finish_ms));
    }
    if (!tracker_.finish(tracker_finish_ms) && failure_) failure_ = tl::unexpected(tracker_.error());
    log_.finish(tracker_finish_ms);
    return failure_;
}

void Recorder::take_back_audit() {
    if (!hold_) return;
    keep_first(failure_, hold_->withdraw());
    drain_audit();
    if (const auto state = hold_->control().state()) capture_->lost_is(state->lost);
    keep_first(failure_, hold_->restore());
}

/// The kernel takes it back from the one who registered, or when the socket is closed everywhere.
void Recorder::give_back_registration() {
    Kept::forget_all();
    if (!registered_) return;
    registered_ = false;
    ServiceManager::await_done();
    capture_->detach();
    keep_first(failure_, audit::unregister());
}

/// Takes what the kernel still has queued: once nobody is registered it prints that, and what other listeners have not
/// been sent yet would be missing. A record that is just on its way is in neither queue, so it has to be quiet twice.
/// Only audit's records count, and it looks seldom: each look at the backlog starts a kernel thread (audit_send_reply
/// in kernel/audit.c), which the connector reports.
void Recorder::drain_audit() {
    const auto deadline = now_of(CLOCK_MONOTONIC) + audit_drain_ns_max;
    const auto records = [this] { return capture_->counters().audit; };
    for (int quiet = 0; quiet < 2 && now_of(CLOCK_MONOTONIC) < deadline;) {
        const auto before = records();
        for (auto last = before; capture_->turn() && records() != last;) last = records();
        const auto state = hold_->control().state();
        const bool came = records() != before;
        quiet = !came && (!state || state->backlog == 0) ? quiet + 1 : 0;
        ::poll(nullptr, 0, audit_settle_ms);
    }
}

void Recorder::on_signal() {
    signalfd_siginfo signal{};
    while (::read(signals_.get(), &signal, sizeof signal) == sizeof signal) {
        if (signal.ssi_signo == SIGCHLD) on_tracker_end();
        if (signal.ssi_signo == SIGCHLD) log_.on_child_end();
        if (signal.ssi_signo == SIGHUP) reload();
        handing_over_ = handing_over_ || (signal.ssi_signo == SIGUSR2 && manager_.is_there());
        if (signal.ssi_signo == SIGTERM || signal.ssi_signo == SIGINT || signal.ssi_signo == SIGUSR2) capture_->stop();
    }
}

void Recorder::on_tracker_end() {
    stall_watch_.look_after();
    const auto status = tracker_.reap();
    if (!status) return;
    while (tracker_.read_news() != TrackerProcess::News::gone) {  // its last words
    }
    capture_->unwatch(tracker_.news_fd());
    const bool asked = tracker_.ends_early();  // by reload(); one that ends so unasked is not to be started at once
    if (asked && WIFEXITED(*status) && WEXITSTATUS(*status) == 0) return spawn_tracker();
    if (announcement_.made() || goes_on_ || tracker_.error().remedy == base::Remedy::waiting) {
        tell_of_database(tl::unexpected(tracker_.error()));
        return respawn_later();
    }
    failure_ = tl::unexpected(tracker_.error());
    capture_->stop();
}

/// What can be changed in place is; the tracker takes its part over by beginning anew, which loses nothing.
void Recorder::reload() {
    const auto read = operator_.reload();
    if (!read) return operator_.say(Priority::error, read.error().message() + "; the configuration stays as it was");
    const auto left = keys_for_restart(settings_, *read);
    settings_ = with_live(settings_, *read);
    journal_->limit(settings_.journal_bytes_max);
    sync_->set_interval(settings_.sync_ms);
    if (hold_)
        if (auto set = hold_->set_backlog(settings_.backlog_limit, settings_.backlog_wait_ms); !set)
            operator_.say(Priority::error, set.error().message());
    capture_->check_every(settings_.rules_check_ms);
    if (guard_) guard_->set_alarm_interval(static_cast<int>(settings_.rules_alarm_interval_s));
    if (auto started = start_heartbeat(); !started) operator_.say(Priority::error, started.error().message());
    tracker_.begin_anew(settings_);
    log_.begin_anew();
    std::string said = "the configuration was read again";
    for (const auto& key : left) said += (&key == &left.front() ? "; only a restart changes " : ", ") + key;
    operator_.say(left.empty() ? Priority::notice : Priority::warning, said);
}

void Recorder::look_after_tracker() {
    tracker_.go(facts());
    capture_->attach_questions(tracker_.take_questions());
    capture_->watch(tracker_.news_fd(), [this] { on_news(); });
}

void Recorder::on_news() {
    switch (tracker_.read_news()) {
        case TrackerProcess::News::ready:
            return announcement_.ready();
        case TrackerProcess::News::gone:
            return capture_->unwatch(tracker_.news_fd());  // SIGCHLD is on its way
        case TrackerProcess::News::alarm:
            return operator_.say(Priority::alert, tracker_.take_alarm());
        case TrackerProcess::News::waits:
            return tell_of_database(tl::unexpected(tracker_.waits_for()));
        case TrackerProcess::News::caught_up:
            return tell_of_database({});
        case TrackerProcess::News::opened:
        case TrackerProcess::News::failed:
        case TrackerProcess::News::none:
            return;
    }
}

void Recorder::tell_of_database(const base::Status& status) {
    troubles_.tell("database", status, "what is recorded waits in the journal");
    // It records: who waits for that need not wait for the disk, too.
    if (may_pass(status)) announcement_.ready();
}

void Recorder::respawn_later() {
    // What passes by itself is not made worse by looking.
    const bool waits = tracker_.error().remedy == base::Remedy::waiting;
    const bool was_stable = now_of(CLOCK_MONOTONIC) - spawned_at_ns_ > stable_ns;
    respawn_pause_ms_ = was_stable ? respawn_pause_min_ms
                                   : std::clamp(respawn_pause_ms_ * 2, respawn_pause_min_ms, respawn_pause_max_ms);
    const int pause_ms = waits ? retry_pause_ms : respawn_pause_ms_;
    itimerspec pause{};
    pause.it_value = {pause_ms / 1000, (pause_ms % 1000) * 1'000'000L};
    ::timerfd_settime(respawn_timer_.get(), 0, &pause, nullptr);
}

void Recorder::respawn() {
    std::uint64_t expirations = 0;
    if (::read(respawn_timer_.get(), &expirations, sizeof expirations) > 0) spawn_tracker();
}

void Recorder::spawn_tracker() {
    spawned_at_ns_ = now_of(CLOCK_MONOTONIC);
    if (tracker_.spawn()) return look_after_tracker();
    respawn_later();
}

}  // namespace lineage::daemon
