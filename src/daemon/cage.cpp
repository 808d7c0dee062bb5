#include "cage.hpp"

#include <fcntl.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <vector>

namespace lineage::daemon {

namespace {

using Filter = std::unique_ptr<void, void (*)(scmp_filter_ctx)>;

constexpr int harmless[] = {
    // Files that are open: the database, its log and its index, the journal's segments, the channel to capture.
    SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(pwrite64),
    SCMP_SYS(lseek), SCMP_SYS(close), SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(fstatfs), SCMP_SYS(getdents64),
    SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(ftruncate), SCMP_SYS(fallocate), SCMP_SYS(poll), SCMP_SYS(recvfrom),
    // Memory, time, waiting.
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(futex), SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday), SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep), SCMP_SYS(restart_syscall),
    SCMP_SYS(sched_yield), SCMP_SYS(getrandom),
    // Itself.
    SCMP_SYS(getpid), SCMP_SYS(getppid), SCMP_SYS(gettid), SCMP_SYS(geteuid), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction), SCMP_SYS(exit), SCMP_SYS(exit_group)};

constexpr int hostile[] = {SCMP_SYS(execve),
                           SCMP_SYS(execveat),
                           SCMP_SYS(fork),
                           SCMP_SYS(vfork),
                           SCMP_SYS(clone),
                           SCMP_SYS(clone3),
                           SCMP_SYS(socket),
                           SCMP_SYS(connect),
                           SCMP_SYS(ptrace),
                           SCMP_SYS(process_vm_readv),
                           SCMP_SYS(process_vm_writev),
                           SCMP_SYS(bpf),
                           SCMP_SYS(perf_event_open),
                           SCMP_SYS(userfaultfd),
                           SCMP_SYS(unshare),
                           SCMP_SYS(setns),
                           SCMP_SYS(keyctl),
                           SCMP_SYS(add_key),
                           SCMP_SYS(io_uring_setup)};

/// Adds rules until one fails; its errno value is kept.
class Rules {
public:
    explicit Rules(scmp_filter_ctx filter) : filter_(filter) {}
    void add(std::uint32_t action, int call, std::initializer_list<scmp_arg_cmp> conditions = {}) {
        if (error_ != 0) return;
        // A call that this machine's architecture does not have is passed over.
        error_ = -::seccomp_rule_add_array(filter_, action, call, static_cast<unsigned>(conditions.size()),
                                           conditions.begin());
    }
    void allow(int call, std::initializer_list<scmp_arg_cmp> conditions = {}) { add(SCMP_ACT_ALLOW, call, conditions); }
    [[nodiscard]] int error() const { return error_; }

private:
    scmp_filter_ctx filter_;
    int error_ = 0;
};

scmp_arg_cmp argument(unsigned number, scmp_compare compare, std::uint64_t a, std::uint64_t b = 0) {
    return {number, compare, a, b};
}

/// Opening files for writing, and what rotating takes.
void add_files(Rules& rules) {
    for (const int call :
         {SCMP_SYS(openat), SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(fchmod)})
        rules.allow(call);
}

void add_conditional(Rules& rules) {
    // To read alone: a file that would be made, written or cut cannot be opened.
    constexpr auto not_reading = static_cast<std::uint64_t>(O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND);
    rules.allow(SCMP_SYS(openat), {argument(2, SCMP_CMP_MASKED_EQ, not_reading, O_RDONLY)});
    // SQLite's locks; what the C library asks of a directory it lists.
    for (const int command : {F_GETLK, F_SETLK, F_GETFD, F_SETFD, F_GETFL})
        rules.allow(SCMP_SYS(fcntl), {argument(1, SCMP_CMP_EQ, static_cast<std::uint64_t>(command))});
    for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mprotect)})
        rules.allow(call, {argument(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)});
    // The channel; to no other address.
    rules.allow(SCMP_SYS(sendto), {argument(4, SCMP_CMP_EQ, 0)});
    // abort() after a failed CHECK.
    rules.allow(SCMP_SYS(tgkill), {argument(0, SCMP_CMP_EQ, static_cast<std::uint64_t>(::getpid()))});
}

}  // namespace

base::Status enter_cage(Cage cage) {
    const char* const what = "limit the system calls";
    const Filter filter(::seccomp_init(SCMP_ACT_ERRNO(EPERM)), ::seccomp_release);
    if (!filter) return base::fail_errno(what, ENOMEM);
    Rules rules(filter.get());
    for (const int call : harmless) rules.allow(call);
    for (const int call : hostile) rules.add(SCMP_ACT_KILL_PROCESS, call);
    if (cage == Cage::log_writer) add_files(rules);
    add_conditional(rules);
    if (rules.error() != 0) return base::fail_errno(what, rules.error());
    if (const int error = -::seccomp_load(filter.get()); error != 0) return base::fail_errno(what, error);
    return {};
}

}  // namespace lineage::daemon
