#include "ending.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>

namespace lineage::cli {
namespace {

volatile std::sig_atomic_t wanted = 0;
int event_fd = -1;

void want_end(int) {
    const int saved_errno = errno;
    wanted = 1;
    const std::uint64_t one = 1;
    static_cast<void>(!::write(event_fd, &one, sizeof one));
    errno = saved_errno;
}

}  // namespace

base::Result<int> end_on_signals() {
    event_fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event_fd < 0) return base::fail_errno("eventfd", errno);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        struct sigaction now {};
        ::sigaction(signal, nullptr, &now);
        if (signal == SIGHUP && now.sa_handler == SIG_IGN) continue;
        struct sigaction action {};
        action.sa_handler = want_end;
        action.sa_flags = static_cast<int>(SA_RESETHAND);  // without SA_RESTART: a write that is stuck has to notice
        ::sigaction(signal, &action, nullptr);
    }
    return event_fd;
}

bool end_wanted() {
    return wanted != 0;
}

}  // namespace lineage::cli
