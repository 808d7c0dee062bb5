// The host comes first: a tiny process that notices that capture does not go round any more (stopped, in a debugger,
// swapped out) while the kernel's queue of records fills, and kills it. Its sockets close with it, or are served by its
// successor; either way nobody waits for room any longer. Beside a service manager's watch (WatchdogSec=), too, which
// may itself be waiting for room.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>

namespace lineage::daemon {

class StallWatch {
public:
    StallWatch();
    StallWatch(const StallWatch&) = delete;
    StallWatch& operator=(const StallWatch&) = delete;
    ~StallWatch();

    /// Forks it; it ends with its parent. Call again whenever a child has died.
    void look_after();
    /// Capture has gone round. No system call.
    void progress() { turns_->fetch_add(1, std::memory_order_relaxed); }
    static constexpr int progress_every_ms = 500;  ///< capture goes round at least so often

private:
    [[noreturn]] void watch(pid_t capture) const;

    std::atomic<std::uint64_t>* turns_;  ///< shared with the child
    pid_t pid_ = -1;
};

}  // namespace lineage::daemon
