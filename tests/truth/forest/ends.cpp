#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "life.hpp"

namespace forest {

static const int fatal_signals[] = {SIGKILL,   SIGSEGV, SIGTERM, SIGQUIT, SIGHUP,  SIGINT,  SIGILL,    SIGTRAP, SIGABRT,
                                    SIGBUS,    SIGFPE,  SIGUSR1, SIGUSR2, SIGPIPE, SIGALRM, SIGSTKFLT, SIGXCPU, SIGXFSZ,
                                    SIGVTALRM, SIGPROF, SIGIO,   SIGPWR,  SIGSYS,  34,      50,        64};
static const int common_signals[] = {SIGKILL, SIGSEGV, SIGTERM, SIGQUIT};

static int some_signal(std::uint64_t random) {
    if (random % 2 == 0) return common_signals[(random / 2) % 4];
    return fatal_signals[(random / 2) % (sizeof fatal_signals / sizeof *fatal_signals)];
}

// A namespace's init takes no signal from inside that it has no handler for (SIGNAL_UNKILLABLE), and from outside only
// SIGKILL; so it exits, or faults, or its creator kills it.
void decide_end(std::uint32_t slot, bool ns_init) {
    Record& r = record(slot);
    const std::uint64_t way = next_random(r.random) % 100;
    const std::uint64_t value = next_random(r.random);
    const bool must_exit = ns_init || arena->exits_only;
    if (way < 45 || (must_exit && way < 60)) {
        r.end = EndKind::exit_group;
        r.code = static_cast<std::int32_t>(value % 256);
    } else if (way < 65 || must_exit) {
        r.end = EndKind::exit;
        r.code = static_cast<std::int32_t>(value % 256);
    } else if (way < 75) {
        r.end = EndKind::fault;
        r.signal = SIGSEGV;
    } else {
        r.end = EndKind::self_signal;
        r.signal = some_signal(value);
    }
}

void wait_for_death() {
    me().ready = 1;
    for (;;) pause();
}

void carry_out_end() {
    const Record& r = me();
    switch (r.end) {
        case EndKind::exit_group:
            _exit(r.code);
        case EndKind::exit:
            syscall(SYS_exit, r.code);
            break;
        case EndKind::fault:
            *static_cast<volatile int*>(nullptr) = 0;
            break;
        case EndKind::self_signal:
            syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), r.signal);
            break;
        default:
            wait_for_death();
    }
    mistake("still alive after its end", static_cast<long>(r.end));
    _exit(96);
}

void end_life() {
    Record& r = me();
    const bool leaves_children = (r.role == Role::ordinary || r.role == Role::orphan) && chance(15);
    if (r.role != Role::middle && r.role != Role::daemon_middle && r.role != Role::ns_taker && !leaves_children)
        reap_all();
    if (r.signal < 0 && r.code < 0) decide_end(self.slot, r.role == Role::ns_init || r.role == Role::ns_taker);
    carry_out_end();
}

}  // namespace forest
