#include "journal_sync.hpp"

#include <pthread.h>
#include <signal.h>

#include <chrono>
#include <utility>

namespace lineage::daemon {

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
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        // Half the interval, for what is appended just after a look waits for the next one, and for the disk then.
        changed_.wait_for(lock, std::chrono::milliseconds(sync_ms_ / 2));
        const auto end = end_.load(std::memory_order_relaxed);
        if (stopping_ || end == synced) continue;
        lock.unlock();
        const auto done = journal_.sync();
        if (done) synced = end;
        if (done.has_value() != works) told_(done);
        works = done.has_value();
        lock.lock();
    }
}

}  // namespace lineage::daemon
