#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "lineage/capture/heartbeat.hpp"

namespace lineage::capture {

namespace {

/// It only makes children; capset(2) has no wrapper in glibc.
void drop_capabilities() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    const __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
    ::syscall(SYS_capset, &header, none);
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/// The end of the pipe, or of us, is its own; a signal to the whole service is not.
[[noreturn]] void serve(int orders, pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(0);
    ::prctl(PR_SET_NAME, "lineaged-beat");
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGPIPE}) ::signal(number, SIG_IGN);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    // Above all no audit socket: whoever holds it keeps the registration alive.
    ::dup2(orders, STDIN_FILENO);
    ::close_range(STDIN_FILENO + 1, ~0U, 0);
    drop_capabilities();
    char order = 0;
    for (;;) {
        const ssize_t size = ::read(STDIN_FILENO, &order, 1);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) ::_exit(0);
        const pid_t child = ::fork();
        if (child == 0) ::_exit(0);
        while (child > 0 && ::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
        }
    }
}

}  // namespace

base::Result<HeartbeatHelper> HeartbeatHelper::start() {
    int orders[2];
    if (::pipe2(orders, O_CLOEXEC) != 0) return base::fail_errno("start the heartbeat", errno);
    const base::UniqueFd theirs(orders[0]);
    base::UniqueFd ours(orders[1]);
    ::fcntl(ours.get(), F_SETFL, O_NONBLOCK);
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) return base::fail_errno("start the heartbeat", errno);
    if (pid == 0) serve(theirs.get(), parent);
    return HeartbeatHelper(pid, std::move(ours));
}

HeartbeatHelper::HeartbeatHelper(HeartbeatHelper&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), orders_(std::move(other.orders_)) {}

HeartbeatHelper& HeartbeatHelper::operator=(HeartbeatHelper&& other) noexcept {
    end();
    pid_ = std::exchange(other.pid_, -1);
    orders_ = std::move(other.orders_);
    return *this;
}

HeartbeatHelper::~HeartbeatHelper() {
    end();
}

void HeartbeatHelper::beat() {
    [[maybe_unused]] const auto told = ::write(orders_.get(), "b", 1);
}

/// Killed, since it may be stopped: it has nothing to lose.
void HeartbeatHelper::end() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
}

}  // namespace lineage::capture
