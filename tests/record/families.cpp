#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <cstdint>
#include <string>
#include <thread>

#include "cases.hpp"

namespace record {

void vfork_child_first() {
    char* argv[] = {const_cast<char*>("/bin/true"), const_cast<char*>("by vfork"), nullptr};
    char* environment[] = {nullptr};
    const pid_t pid = ::vfork();
    if (pid == 0) {
        ::execve(argv[0], argv, environment);
        ::_exit(99);
    }
    reap();
    argv[1] = const_cast<char*>("by posix_spawn");
    pid_t spawned = 0;
    ::posix_spawn(&spawned, argv[0], nullptr, nullptr, argv, environment);
    reap();
}

void daemonised_grandchild() {
    // Who forks twice loses its grandchild to pid 1 (or to a subreaper: here there is none).
    int ended[2];
    if (::pipe(ended) != 0) return;
    child([&] {
        ::setsid();
        const pid_t middle = ::getpid();
        child([&] {
            while (::getppid() == middle) ::usleep(1000);
            exec({"/bin/sh", "-c", "exit 5"});
        });
        ::_exit(0);
    });
    reap();
    ::close(ended[1]);
    char byte = 0;
    while (::read(ended[0], &byte, 1) > 0) {  // end of file: the daemon is gone
    }
}

void subreaper() {
    child([] {
        ::prctl(PR_SET_CHILD_SUBREAPER, 1);
        child([] {
            ::setsid();
            const pid_t middle = ::getpid();
            child([&] {
                while (::getppid() == middle) ::usleep(1000);
                exec({"/bin/sh", "-c", "exit 5"});
            });
            ::_exit(1);
        });
        reap();
        ::_exit(2);
    });
    reap();
}

static long clone3(std::uint64_t flags, pid_t wanted = 0) {
    clone_args args{};
    args.flags = flags;
    args.exit_signal = (flags & CLONE_PARENT) != 0 ? 0 : SIGCHLD;
    if (wanted != 0) {
        args.set_tid = reinterpret_cast<std::uintptr_t>(&wanted);
        args.set_tid_size = 1;
    }
    return ::syscall(SYS_clone3, &args, sizeof args);
}

void clone_parent() {
    child([] {
        if (::syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0) == 0) {
            exec({"/bin/true", "by clone"});
            ::_exit(99);
        }
        if (clone3(CLONE_PARENT) == 0) {
            exec({"/bin/true", "by clone3"});
            ::_exit(99);
        }
        ::_exit(3);
    });
    reap();
}

void threads_clone3() {
    std::thread forks([] {
        child([] { exec({"/bin/true", "from a thread"}); });
        reap();
    });
    std::thread idles([] { ::usleep(1000); });
    forks.join();
    idles.join();
    child([] {
        std::thread execs([] { exec({"/bin/sh", "-c", "exit 2"}); });  // takes its leader's place
        execs.join();
    });
    reap();
}

void main_thread_leaves() {
    child([] {
        std::thread stays([] {
            ::usleep(20'000);
            child([] { exec({"/bin/true", "of the thread that stayed"}); });
            reap();
            ::_exit(9);
        });
        ::syscall(SYS_exit, 0);
    });
    reap();
}

void pid_used_again() {
    const pid_t first = child([] { exec({"/bin/sh", "-c", "exit 3"}); });
    reap();
    if (clone3(0, first) == 0) {
        child([] { ::_exit(6); });
        reap();
        exec({"/bin/sh", "-c", "exit 4"});
        ::_exit(99);
    }
    reap();
}

void interleaved() {
    for (int i = 0; i < 6; ++i) {
        child([i] {
            for (int k = 0; k < 3; ++k) {
                const std::string name = std::to_string(i) + '.' + std::to_string(k);
                child([&] { exec({"/bin/true", name.c_str()}); });
            }
            reap();
            ::_exit(i);
        });
    }
    reap();
}

void killed_by_signal() {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    for (const int number : {SIGKILL, SIGSEGV, SIGTERM, SIGQUIT}) {
        const pid_t pid = child([&] {
            if (number == SIGSEGV) ::raise(number);
            for (;;) ::pause();
        });
        ::usleep(20'000);
        ::kill(pid, number);
        reap();
    }
}

}  // namespace record
