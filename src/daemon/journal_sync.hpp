// Brings the journal to the disk every so often, in a thread of its own: fdatasync takes as long as the disk does, and
// the loop that empties the sockets must not wait for it. (The thread calls Writer::sync() and nothing else of the
// Writer's.)
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

#include "lineage/journal/journal.hpp"

namespace lineage::daemon {

class JournalSync {
public:
    /// What was appended is on the disk `sync_ms` later at the latest, if the disk takes it in half that time. `told`
    /// is called, in the thread, when that begins to fail and when it has worked again for ten times `sync_ms`.
    JournalSync(journal::Writer& journal, int sync_ms, std::function<void(const base::Status&)> told);
    JournalSync(const JournalSync&) = delete;
    JournalSync& operator=(const JournalSync&) = delete;
    ~JournalSync();

    /// The journal ends here now. No system call.
    void note(journal::Position end) { end_.store(end, std::memory_order_relaxed); }
    void set_interval(int sync_ms);

private:
    void run();

    journal::Writer& journal_;
    const std::function<void(const base::Status&)> told_;
    std::atomic<journal::Position> end_{0};
    std::mutex mutex_;  // of what follows
    std::condition_variable changed_;
    int sync_ms_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace lineage::daemon
