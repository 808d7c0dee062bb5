#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>

#include <string>

#include "cases.hpp"

namespace record {

void pid_namespace() {
    child([] {
        if (::unshare(CLONE_NEWPID) != 0) ::_exit(1);
        child([] {  // pid 1 in there
            child([] { exec({"/bin/true", "inside"}); });
            reap();
            ::_exit(4);
        });
        reap();
        ::_exit(0);
    });
    reap();
}

template <class Run>
static pid_t cloned(unsigned long flags, Run run) {
    const auto pid = static_cast<pid_t>(::syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0));
    if (pid != 0) return pid;
    run();
    ::_exit(99);
}

// A namespace by clone, and a process that joins it from outside.
void pid_namespace_joined() {
    int settled[2];
    int joined[2];
    if (::pipe(settled) != 0 || ::pipe(joined) != 0) return;
    char byte = 0;
    const pid_t init = cloned(CLONE_NEWPID, [&] {
        ::close(joined[1]);
        cloned(0, [] { exec({"/bin/true", "inside"}); });
        reap();
        ::close(settled[0]);
        ::close(settled[1]);
        while (::read(joined[0], &byte, 1) > 0) {  // end of file: the other is done
        }
        reap();
        ::_exit(4);
    });
    ::close(settled[1]);
    while (::read(settled[0], &byte, 1) > 0) {
    }
    child([&] {
        const std::string path = "/proc/" + std::to_string(init) + "/ns/pid";
        if (::setns(::open(path.c_str(), O_RDONLY | O_CLOEXEC), CLONE_NEWPID) != 0) ::_exit(1);
        child([] { exec({"/bin/true", "joined"}); });
        reap();
        ::_exit(7);
    });
    ::close(joined[0]);
    ::waitpid(-1, nullptr, 0);  // the joiner: the init waits for us
    ::close(joined[1]);
    reap();
}

}  // namespace record
