#include "births.hpp"

#include <linux/futex.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace forest {

namespace {

// Forks by any call that returns twice, with the time window around it.
template <class Call>
pid_t twice(std::uint32_t slot, Call call, bool raw = true) {
    record(slot).before_ns = now_ns();
    const auto pid = static_cast<pid_t>(call());
    if (pid == 0) begin_life(slot, raw);
    record(slot).after_ns = now_ns();
    return pid;
}

long raw_clone(unsigned long flags) {
    return syscall(SYS_clone, flags, 0, 0, 0, 0);
}

long raw_clone3(std::uint64_t flags, pid_t wanted_pid = 0) {
    clone_args args{};
    args.flags = flags;
    args.exit_signal =
        (flags & CLONE_PARENT) != 0 ? 0 : SIGCHLD;  // with CLONE_PARENT it is the caller's (clone3_args_valid)
    if (wanted_pid != 0) {
        args.set_tid = reinterpret_cast<std::uintptr_t>(&wanted_pid);
        args.set_tid_size = 1;
    }
    return syscall(SYS_clone3, &args, sizeof args);
}

// What a child may do that shares our memory: a nap now and then, then its exec or its end. Its random state and its
// exec were prepared before.
[[noreturn]] void live_in_borrowed_memory(std::uint32_t slot, Exec* exec, unsigned nap_us) {
    note_birth(slot);
    if (nap_us > 0) pause_us(nap_us);
    if (exec != nullptr) run_exec(*exec);
    const Record& r = record(slot);
    if (r.signal >= 0) syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), r.signal);
    if (r.end == EndKind::exit) syscall(SYS_exit, r.code);
    syscall(SYS_exit_group, r.code);
    _exit(96);
}

pid_t by_vfork(Borrowed& b) {
    const pid_t pid = vfork();
    if (pid == 0) live_in_borrowed_memory(b.slot, b.execs ? &b.exec : nullptr, b.nap_us);
    return pid;
}

pid_t by_clone_vfork(Borrowed& b) {
    constexpr std::size_t stack_bytes = 64 << 10;
    void* stack = mmap(nullptr, stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const auto start = [](void* argument) -> int {
        auto& borrowed = *static_cast<Borrowed*>(argument);
        live_in_borrowed_memory(borrowed.slot, borrowed.execs ? &borrowed.exec : nullptr, borrowed.nap_us);
    };
    const pid_t pid = clone(start, static_cast<char*>(stack) + stack_bytes, CLONE_VM | CLONE_VFORK | SIGCHLD, &b);
    munmap(stack, stack_bytes);
    return pid;
}

pid_t by_spawn(Borrowed& b) {
    std::string path = b.exec.path;
    if (b.exec.fd >= 0) path = "/proc/self/fd/" + std::to_string(b.exec.fd) + (path.empty() ? "" : "/" + path);
    pid_t pid = -1;
    const int error =
        posix_spawn(&pid, path.c_str(), nullptr, nullptr, b.exec.argv_pointers.data(), b.exec.env_pointers.data());
    errno = error;
    return error == 0 ? pid : -1;
}

struct ThreadFork {
    std::uint32_t slot;
    pid_t pid;
    int error;
};

void fork_here(ThreadFork& f) {
    f.pid = twice(f.slot, fork, false);
    f.error = errno;
}

pid_t by_thread(std::uint32_t slot) {
    ThreadFork f{slot, -1, 0};
    pthread_t thread;
    const auto start = [](void* argument) -> void* {
        fork_here(*static_cast<ThreadFork*>(argument));
        return nullptr;
    };
    f.error = pthread_create(&thread, nullptr, start, &f);
    if (f.error == 0) pthread_join(thread, nullptr);
    errno = f.error;
    return f.pid;
}

constexpr int thread_flags =
    CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID;
constexpr std::size_t thread_stack_bytes = 256 << 10;

char* new_stack() {
    return static_cast<char*>(
        mmap(nullptr, thread_stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

// A thread by clone(2) without a thread-local area of its own: it borrows ours, and we sleep until it is gone.
pid_t by_clone_thread(std::uint32_t slot) {
    struct Shared {
        ThreadFork fork;
        std::int32_t alive;
    } shared{{slot, -1, 0}, 1};
    char* stack = new_stack();
    const auto start = [](void* argument) -> int {
        ThreadFork& f = static_cast<Shared*>(argument)->fork;
        f.pid = twice(f.slot, [] { return raw_clone(SIGCHLD); });
        f.error = errno;
        return 0;
    };
    if (clone(start, stack + thread_stack_bytes, thread_flags, &shared, nullptr, nullptr, &shared.alive) < 0) return -1;
    std::atomic_ref<std::int32_t> alive(shared.alive);
    while (alive.load() != 0) syscall(SYS_futex, &shared.alive, FUTEX_WAIT, 1, nullptr, nullptr, 0);
    munmap(stack, thread_stack_bytes);  // a child that was forked on it has a copy
    errno = shared.fork.error;
    return shared.fork.pid;
}

}  // namespace

pid_t bear(Road road, std::uint32_t slot) {
    switch (road) {
        case Road::fork:
            return twice(slot, fork, false);
#ifdef SYS_fork
        case Road::raw_fork:
            return twice(slot, [] { return syscall(SYS_fork); });
#endif
        case Road::clone:
            return twice(slot, [] { return raw_clone(SIGCHLD); });
        case Road::fork32:
            return twice(slot, fork32);
        case Road::newuser:
            return twice(slot, [] { return raw_clone(CLONE_NEWUSER | SIGCHLD); });
        case Road::clone3:
            return twice(slot, [] { return raw_clone3(0); });
        case Road::clone_parent:
            return twice(slot, [] { return raw_clone(CLONE_PARENT | SIGCHLD); });
        case Road::clone3_parent:
            return twice(slot, [] { return raw_clone3(CLONE_PARENT); });
        case Road::newpid:
            return twice(slot, [] { return raw_clone(CLONE_NEWPID | SIGCHLD); });
        case Road::newpid3:
        case Road::setns:
        case Road::init_takes:
            return twice(slot, [] { return raw_clone3(CLONE_NEWPID); });
        case Road::thread_fork:
            return self.raw_cloned ? by_clone_thread(slot) : by_thread(slot);
        case Road::clone_thread_fork:
            return by_clone_thread(slot);
        default:
            return twice(slot, fork, false);
    }
}

void hand_over_to_thread(int (*go_on)(void*)) {
    static std::int32_t unused;
    if (self.raw_cloned) {
        if (clone(go_on, new_stack() + thread_stack_bytes, thread_flags, nullptr, nullptr, nullptr, &unused) > 0)
            return;
        return mistake("clone of a thread", errno);
    }
    static int (*then)(void*);
    then = go_on;
    pthread_t thread;
    const auto start = [](void*) -> void* {
        then(nullptr);
        return nullptr;
    };
    if (const int error = pthread_create(&thread, nullptr, start, nullptr); error != 0)
        mistake("pthread_create", error);
}

pid_t bear_with_pid(std::uint32_t slot, pid_t wanted) {
    return twice(slot, [wanted] { return raw_clone3(0, wanted); });
}

pid_t bear(Road road, Borrowed& b) {
    record(b.slot).before_ns = now_ns();
    const pid_t pid = road == Road::vfork ? by_vfork(b) : road == Road::clone_vfork ? by_clone_vfork(b) : by_spawn(b);
    record(b.slot).after_ns = now_ns();
    drop(b.exec);
    return pid;
}

}  // namespace forest
