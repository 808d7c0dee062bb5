#include "stall_watch.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <new>

#include "descriptors.hpp"
#include "lineage/audit/control.hpp"
#include "lineage/base/check.hpp"

namespace lineage::daemon {

namespace {

constexpr int look_every_ms = 500;
constexpr int looks_until_stalled = 4;

/// Asked for only once capture stands still: each answer starts a kernel thread (audit_send_reply in kernel/audit.c).
bool backlog_fills(std::uint32_t& backlog) {
    auto control = audit::Control::open();
    const auto state = control ? control->state() : tl::unexpected(control.error());
    if (!state) return false;
    backlog = state->backlog;
    return state->backlog > state->backlog_limit / 2;
}

/// To the kernel's log, where it is seen whatever else stands still.
void tell(pid_t capture, std::uint32_t backlog) {
    char text[160];
    const int size = std::snprintf(text, sizeof text,
                                   "<1>lineaged: pid %d stood still with %u audit records waiting and was killed, so "
                                   "that nobody has to wait for it\n",
                                   capture, backlog);
    const int log = ::open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
    [[maybe_unused]] const auto written = ::write(log, text, static_cast<std::size_t>(size));
}

}  // namespace

StallWatch::StallWatch() {
    void* const shared = ::mmap(nullptr, sizeof *turns_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    turns_ = new (shared) std::atomic<std::uint64_t>(0);
    ::madvise(shared, sizeof *turns_, MADV_DONTFORK);
}

StallWatch::~StallWatch() {
    if (pid_ > 0 && ::kill(pid_, SIGKILL) == 0) ::waitpid(pid_, nullptr, 0);
    ::munmap(turns_, sizeof *turns_);
}

void StallWatch::look_after() {
    if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == 0) return;
    const pid_t capture = ::getpid();
    ::madvise(turns_, sizeof *turns_, MADV_DOFORK);
    pid_ = ::fork();
    if (pid_ == 0) watch(capture);
    ::madvise(turns_, sizeof *turns_, MADV_DONTFORK);  // no other child, the tracker above all, may write it
}

void StallWatch::watch(pid_t capture) const {
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2}) ::signal(number, SIG_IGN);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != capture) ::_exit(0);
    ::prctl(PR_SET_NAME, "lineaged-watch");
    close_all_but({});
    std::uint64_t seen = 0;
    for (int looks = 0;; ++looks) {
        ::poll(nullptr, 0, look_every_ms);
        const auto turns = turns_->load(std::memory_order_relaxed);
        if (turns != seen) looks = 0;
        seen = turns;
        std::uint32_t backlog = 0;
        if (looks < looks_until_stalled || !backlog_fills(backlog)) continue;
        ::kill(capture, SIGKILL);
        tell(capture, backlog);
    }
}

}  // namespace lineage::daemon
