#include "life.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace forest {

Self self;

std::uint64_t draw(std::uint64_t below) {
    return next_random(me().random) % below;
}
void note_birth(std::uint32_t slot) {
    Record& r = record(slot);
    r.pid = host_pid();
    r.ns_pid = r.ns_depth > 0 ? getpid() : 0;
    note_identity(r);
}

void begin_life(std::uint32_t slot, bool raw_cloned) {
    self = Self{slot};
    self.raw_cloned = raw_cloned;
    note_birth(slot);
    go_on_living();
}

// The first thread leaves by exit(2), which ends it alone; another goes on, and is the process from then on.
static void leave_to_thread() {
    const auto go_on = [](void*) -> int {
        self.on_thread = true;
        me().leader_left = true;
        char stat[512], path[64];
        snprintf(path, sizeof path, "/proc/self/task/%d/stat", host_pid());
        for (int tries = 0; tries < 5000; ++tries) {
            const int fd = open(path, O_RDONLY);
            const ssize_t got = read(fd, stat, sizeof stat - 1);
            close(fd);
            stat[std::max<ssize_t>(got, 0)] = 0;
            const char* state = strrchr(stat, ')');
            if (state != nullptr && state[2] == 'Z') break;
            pause_us(50);
        }
        go_on_living();
    };
    const int code = static_cast<int>(draw(256));  // the other thread draws from now on
    hand_over_to_thread(go_on);
    syscall(SYS_exit, code);
}

static void take_step() {
    Record& r = me();
    const bool single = !self.on_thread;
    const std::uint64_t step = draw(50);
    if (step < 15) {
        if (r.budget > 0) make_some_child();
    } else if (step < 30) {
        if (r.image_count < images_max) exec_now();
    } else if (step < 35) {
        fail_an_exec();
    } else if (step < 40) {
        if (may_change_identity() && single) change_identity();
    } else if (step < 44) {
        if (privileged() && single) log_in();
    } else if (step < 45) {
        if (single && self.threads_allowed) unshare_users();
    } else {
        if (single && self.threads_allowed && !arena->exits_only && r.role == Role::ordinary) leave_to_thread();
    }
}

static void live_ordinary() {
    Record& r = me();
    while (r.steps > 0) {
        --r.steps;
        take_step();
    }
    while (r.budget > 0) make_some_child();
}

static std::int32_t host_ppid() {
    char stat[512];
    const int fd = open("/proc/self/stat", O_RDONLY);
    const ssize_t got = read(fd, stat, sizeof stat - 1);
    close(fd);
    if (got <= 0) return 0;
    stat[got] = 0;
    const char* after_comm = strrchr(stat, ')');
    return after_comm == nullptr ? 0 : static_cast<std::int32_t>(strtol(after_comm + 3, nullptr, 10));
}

static void wait_for_new_parent() {
    while (host_ppid() == record(me().parent).pid) pause_us(100);
}

static void wait_for_release() {
    if (me().release != 0) return;
    me().ready = 1;
    while (me().release == 0) pause_us(100);
}

void go_on_living() {
    Record& r = me();
    self.threads_allowed = r.children_ns_depth == r.ns_depth;
    if (r.end == EndKind::killed_at_once) wait_for_death();
    switch (r.role) {
        case Role::ordinary:
            live_ordinary();
            break;
        case Role::orphan:
            wait_for_new_parent();
            live_ordinary();
            r.ppid = host_ppid();
            break;
        case Role::daemon_middle:
            setsid();
            [[fallthrough]];
        case Role::middle:
            make_orphan();
            break;
        case Role::subreaper:
            prctl(PR_SET_CHILD_SUBREAPER, 1);
            make_middle();
            break;
        case Role::ns_init:
            live_ordinary();
            wait_for_release();
            break;
        case Role::ns_taker:
            make_victims();
            break;
        case Role::unsharer:
        case Role::joiner:
            enter_namespace_for_children();
            while (r.budget > 0) make_some_child();
            if (r.role == Role::unsharer) release_init();
            break;
        case Role::user_root:
            wait_for_release();
            change_identity();
            r.role = Role::ordinary;
            live_ordinary();
            break;
        case Role::victim:
            wait_for_death();
        case Role::short_lived:
            break;
    }
    end_life();
}

}  // namespace forest
