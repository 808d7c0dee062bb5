#include "journal_sync.hpp"

#include <pthread.h>
#include <signal.h>

#include <chrono>
#include <utility>

namespace lineage::daemon {

namespace {

// An error of the disk is told once (fsync(2)); then it may look well until something new is written.
constexpr int calm_intervals = 10;

}  // namespace

JournalSync::JournalSync(journal::Writer& journal, int sync_ms, std::function<void(const base::Status&)> told)
    : journal_(journal), told_(std::move(told)), sync_ms_(sync_ms) {
    // Signals are for the loop's signalfd.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { run(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

JournalSync::~JournalSync() {
    {
        const std::lock_guard guard(mutex_);
        stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

void JournalSync::set_interval(int sync_ms) {
    {
        const std::lock_guard guard(mutex_);
        sync_ms_ = sync_ms;
    }
    changed_.notify_one();
}

void JournalSync::run() {
    journal::Position synced = 0;
    bool works = true;
    std::chrono::steady_clock::time_point failed_at;
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        // Half the interval, for what is appended just after a look waits for the next one, and for the disk then.
        changed_.wait_for(lock, std::chrono::milliseconds(sync_ms_ / 2));
        const auto end = end_.load(std::memory_order_relaxed);
        if (stopping_ || end == synced) continue;
        const int interval_ms = sync_ms_;
        lock.unlock();
        const auto done = journal_.sync();
        if (done) synced = end;
        const auto now = std::chrono::steady_clock::now();
        if (!done) failed_at = now;
        const bool well = done && now - failed_at >= calm_intervals * std::chrono::milliseconds(interval_ms);
        if (works ? !done : well) told_(done);
        works = works ? done.has_value() : well;
        lock.lock();
    }
}

}  // namespace lineage::daemon
