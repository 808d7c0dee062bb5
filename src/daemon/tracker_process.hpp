// The tracker as a process of its own: opens the database, waits to be told who records, follows the journal into it.
// It holds none of capture's descriptors, and once the database is open no right to anything but that and to read the
// journal (privileges.hpp, cage.hpp). What it says is not trusted: it is read by its packets' first byte and bounds.
// It ends when it is told to and has read the journal to its end, and does the
// same when its parent dies.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "lineage/base/result.hpp"
#include "lineage/base/unique_fd.hpp"
#include "lineage/settings/settings.hpp"
#include "lineage/store/store.hpp"
#include "privileges.hpp"

namespace lineage::daemon {

using settings::Settings;

/// How much history the tracker keeps.
store::Bounds bounds_of(const Settings& settings);

class TrackerProcess {
public:
    explicit TrackerProcess(const Settings& settings);
    ~TrackerProcess();
    TrackerProcess(const TrackerProcess&) = delete;
    TrackerProcess& operator=(const TrackerProcess&) = delete;

    /// Whom the tracker is to run as; before the first spawn().
    void run_as(std::optional<Account> account) { account_ = std::move(account); }
    [[nodiscard]] bool has_account() const { return account_.has_value(); }
    /// Forks. The one before must have been reaped.
    base::Status spawn();
    /// Waits until the database is open, `wait_ms` at most; then it may still come.
    base::Status await_opened(int wait_ms);
    /// It may begin, once it has the database open: `facts` are for `lineage status`.
    void go(const std::map<std::string, std::string>& facts);

    /// `waits`: the database cannot be written for now, see waits_for(); `caught_up`: it can, and it has.
    /// `alarm`: see take_alarm(); what was done to a damaged database comes before `opened`.
    enum class News { none, opened, ready, waits, caught_up, alarm, failed, gone };
    /// What it says next, without waiting; `ready` once when the first snapshot is committed, `gone` when it is dead or
    /// dying.
    News read_news();
    [[nodiscard]] int news_fd() const { return channel_.get(); }
    /// The pipe with its questions; once a spawn().
    base::UniqueFd take_questions() { return std::move(questions_); }
    /// The journal is needed from here on.
    [[nodiscard]] std::uint64_t needed_from() const { return shared_->needed_from.load(std::memory_order_relaxed); }
    /// For how long it has not gone round, which it does every second or so with frames to read or without, as of
    /// CLOCK_MONOTONIC `now_ns` and at the times that this was asked; nullopt while there is none that has the database
    /// open.
    std::optional<std::int64_t> still_ns(std::int64_t now_ns);

    /// Has it end where the journal ends now; the next spawn() is with these settings.
    void begin_anew(const Settings& settings);
    [[nodiscard]] bool ends_early() const { return ends_early_; }
    /// Has it ended? Then its wait status.
    std::optional<int> reap();
    /// Tells it to read to the end; true when it has ended well within `wait_ms`, whatever it says meanwhile.
    bool finish(int wait_ms);
    /// Why it failed, as it said last.
    [[nodiscard]] const base::Error& error() const { return error_; }
    /// What it waits for, as it said last.
    [[nodiscard]] const base::Error& waits_for() const { return waits_for_; }
    /// What it did about the database's files, once.
    std::string take_alarm() { return std::exchange(alarm_, {}); }
    [[nodiscard]] bool running() const { return pid_ > 0; }

private:
    [[noreturn]] void be_tracker(int channel, int questions, pid_t parent);
    void take_signal(int number);
    base::Status follow_journal(int channel, int questions, pid_t parent);

    Settings settings_;
    std::optional<Account> account_;
    pid_t pid_ = -1;
    bool ends_early_ = false;  ///< told to begin anew, and not yet spawned again
    base::UniqueFd channel_;
    base::UniqueFd questions_;
    bool opened_ = false;  ///< this one has said so; it is told but once who records
    struct Shared {
        std::atomic<std::uint64_t> needed_from{0};
        std::atomic<std::uint64_t> rounds{0};
    };
    Shared* shared_;  ///< with every child
    std::uint64_t rounds_seen_ = 0;
    std::optional<std::int64_t> moved_at_ns_;
    /// On the database that this one writes, so that it can come back when somebody removes it; for the next one.
    base::UniqueFd kept_;
    base::Error waits_for_;
    std::string alarm_;
    base::Error error_{base::ExitCode::unreadable, "tracker", "it ended without a word"};
};

}  // namespace lineage::daemon
