#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "births.hpp"

namespace forest {

namespace {

struct Child {
    pid_t pid;  ///< in our namespace
    std::uint32_t slot;
};
constexpr std::size_t children_max = 64;  ///< more than a scene has
Child children[children_max];
std::size_t child_count = 0;
std::uint32_t children_of = 0;  ///< whose they are: a forked child starts with none

std::uint32_t plan(Road road, Role role, int budget) {
    Record& r = me();
    const std::uint32_t slot = take_slot();
    Record& child = record(slot);
    child.parent = self.slot;
    child.road = child.label = road;
    if (r.role == Role::unsharer) child.label = Road::unshare;
    if (r.role == Role::joiner) child.label = Road::setns;
    child.role = role;
    child.inherited = r.image_count > 0 ? r.images[r.image_count - 1] : r.inherited;
    child.random = next_random(r.random);
    child.budget = budget;
    child.depth = static_cast<std::uint8_t>(r.depth + 1);
    child.steps = static_cast<std::uint8_t>(draw(5));
    child.ns_depth = child.children_ns_depth = r.children_ns_depth;
    child.uid = r.uid;
    child.euid = r.euid;
    child.gid = r.gid;
    child.egid = r.egid;
    child.auid = r.auid;
    child.user_namespace = r.user_namespace;
    return slot;
}

void wait_for(const Child& child) {
    int status = 0;
    if (waitpid(child.pid, &status, 0) != child.pid) return;
    record(child.slot).waited = true;
    record(child.slot).wait_status = status;
}

void wait_until_ready(std::uint32_t slot) {
    for (int tries = 0; record(slot).ready == 0; ++tries) {
        if (tries > 300'000) return mistake("a child never got ready, slot", slot);
        pause_us(100);
    }
}

// The child is to be killed by us: its end is written down before it is born.
void preset_kill(std::uint32_t slot, EndKind kind) {
    static const int signals[] = {SIGKILL, SIGTERM, SIGQUIT, SIGHUP, SIGINT, SIGUSR1, 40};
    Record& child = record(slot);
    const bool init = child.role == Role::ns_init || child.role == Role::ns_taker;
    child.end = kind;
    child.signal = init || chance(50) ? SIGKILL : signals[draw(sizeof signals / sizeof *signals)];
}

void kill_child(const Child& child) {
    Record& r = record(child.slot);
    if (r.end == EndKind::killed_at_once) {  // it may never run: we are in the initial namespace and know its pid
        r.pid = child.pid;
    } else {
        wait_until_ready(child.slot);
    }
    if (kill(child.pid, r.signal) != 0) mistake("kill", errno);
}

void settle(Child child, bool ours_to_reap = true) {
    Record& r = record(child.slot);
    if (child.pid < 0) {
        r.no_such_process = true;
        return mistake(name_of(r.road), errno);
    }
    if (r.end == EndKind::killed || r.end == EndKind::killed_at_once) kill_child(child);
    if (!ours_to_reap) return;
    if (children_of != self.slot) {
        children_of = self.slot;
        child_count = 0;
    }
    const bool waits_for_us = r.role == Role::ns_init && r.release == 0;
    if (!waits_for_us && r.role != Role::victim && chance(40))
        wait_for(child);
    else if (child_count < children_max)
        children[child_count++] = child;
    else
        mistake("too many children", static_cast<long>(child_count));
}

bool perhaps_by_signal(unsigned percent) {
    return !arena->exits_only && chance(percent);
}

void make_ordinary(Road road, int total) {
    const std::uint32_t slot = plan(road, Role::ordinary, total - 1);
    if (privileged() && perhaps_by_signal(12))
        preset_kill(slot, EndKind::killed);
    else if (privileged() && total == 1 && me().children_ns_depth == 0 && perhaps_by_signal(8))
        preset_kill(slot, EndKind::killed_at_once);
    const pid_t pid = bear(road, slot);
    settle({pid, slot}, road != Road::clone_parent && road != Road::clone3_parent);
}

void make_borrowed(Road road, int total) {
    Borrowed b;
    b.slot = plan(road, Role::ordinary, total - 1);
    b.execs = road == Road::posix_spawn || total > 1 || chance(70);
    b.nap_us = chance(10) ? static_cast<unsigned>(draw(20000)) : 0;
    if (b.execs) {
        prepare_exec(b.slot, b.exec, false);
    } else {
        decide_end(b.slot, true);
        if (perhaps_by_signal(20)) {
            record(b.slot).end = EndKind::self_signal;
            record(b.slot).code = -1;
            record(b.slot).signal = SIGKILL;
        }
    }
    settle({bear(road, b), b.slot});
}

void make_with_role(Road road, Role role, int total) {
    const std::uint32_t slot = plan(road, role, total - 1);
    settle({bear(road, slot), slot});
}

std::uint32_t make_init(Road road, Role role, int total, bool released) {
    const std::uint32_t slot = plan(road, role, total - 1);
    Record& child = record(slot);
    child.ns_depth = child.children_ns_depth = static_cast<std::uint8_t>(me().ns_depth + 1);
    child.release = released ? 1 : 0;
    if (released && perhaps_by_signal(20)) preset_kill(slot, EndKind::killed);
    settle({bear(road, slot), slot});
    return slot;
}

// One life of a pid after another, as close together as can be.
void make_with_used_pid(int total) {
    const std::uint32_t first = plan(Road::reuse, Role::short_lived, 0);
    const pid_t pid = bear(Road::fork, first);
    if (pid > 0) wait_for({pid, first});
    const std::uint32_t second = plan(Road::reuse, Role::ordinary, total - 2);
    pid_t again = bear_with_pid(second, pid);
    if (again < 0) again = bear(Road::fork, second);  // someone else got the pid first
    settle({again, second});
}

void make_with_chosen_pid(int total) {
    const std::uint32_t slot = plan(Road::set_tid, Role::ordinary, total - 1);
    pid_t pid = bear_with_pid(slot, static_cast<pid_t>(400 + draw(20000)));
    if (pid < 0) pid = bear(Road::fork, slot);  // EEXIST
    settle({pid, slot});
}

// Root in a user namespace of its own, with many ids.
void make_with_users(int total) {
    const std::uint32_t slot = plan(Road::newuser, Role::user_root, total - 1);
    record(slot).user_namespace = some_users();
    const pid_t pid = bear(Road::newuser, slot);
    if (pid > 0) {
        wait_until_ready(slot);
        give_users(record(slot));
        record(slot).release = 1;
    }
    settle({pid, slot});
}

void make_joiner(int total) {
    const std::uint32_t init = make_init(Road::setns, Role::ns_init, 1, false);
    wait_until_ready(init);
    const std::uint32_t joiner = plan(Road::setns, Role::joiner, total - 2);
    record(joiner).param = init;
    const pid_t pid = bear(Road::fork, joiner);
    if (pid > 0) wait_for({pid, joiner});
    record(init).release = 1;
}

}  // namespace

void make_child(Road road, int total) {
    switch (road) {
        case Road::vfork:
        case Road::clone_vfork:
        case Road::posix_spawn:
            return make_borrowed(road, total);
        case Road::double_fork:
            return make_with_role(road, Role::daemon_middle, total);
        case Road::subreaper:
            return make_with_role(road, Role::subreaper, total);
        case Road::unshare:
            return make_with_role(road, Role::unsharer, total);
        case Road::newpid:
        case Road::newpid3:
            make_init(road, Role::ns_init, total, true);
            return;
        case Road::init_takes:
            make_init(road, Role::ns_taker, total, true);
            return;
        case Road::reuse:
            return make_with_used_pid(total);
        case Road::set_tid:
            return make_with_chosen_pid(total);
        case Road::setns:
            return make_joiner(total);
        case Road::newuser:
            return make_with_users(total);
        default:
            return make_ordinary(road, total);
    }
}

void make_orphan() {
    const std::uint32_t slot = plan(me().road, Role::orphan, me().budget - 1);
    settle({bear(Road::fork, slot), slot}, false);
}

void make_middle() {
    make_with_role(me().road, chance(50) ? Role::daemon_middle : Role::middle, me().budget);
}

void make_victims() {
    for (; me().budget > 0; --me().budget) {
        const std::uint32_t slot = plan(Road::init_takes, Role::victim, 0);
        record(slot).end = EndKind::with_init;
        record(slot).signal = SIGKILL;
        settle({bear(Road::fork, slot), slot});
    }
    for (std::size_t i = 0; i < child_count; ++i) wait_until_ready(children[i].slot);
}

void enter_namespace_for_children() {
    Record& r = me();
    self.threads_allowed = false;
    if (r.role == Role::unsharer) {
        if (unshare(CLONE_NEWPID) != 0) mistake("unshare", errno);
        r.param = make_init(Road::unshare, Role::ns_init, 1, false);
        r.children_ns_depth = record(r.param).ns_depth;
        --r.budget;
        return;
    }
    const std::string path = "/proc/" + std::to_string(record(r.param).pid) + "/ns/pid";
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (setns(fd, CLONE_NEWPID) != 0) mistake("setns", errno);
    close(fd);
    r.children_ns_depth = record(r.param).ns_depth;
}

void release_init() {
    for (std::size_t i = 0; i < child_count; ++i)
        if (children[i].slot != me().param) wait_for(children[i]);
    record(me().param).release = 1;
}

void reap_all() {
    for (;;) {
        int status = 0;
        const pid_t pid = waitpid(-1, &status, 0);
        if (pid < 0 && errno == EINTR) continue;
        if (pid < 0) {
            child_count = 0;
            return;
        }
        for (std::size_t i = 0; children_of == self.slot && i < child_count; ++i) {
            if (children[i].pid != pid || record(children[i].slot).waited) continue;
            record(children[i].slot).waited = true;
            record(children[i].slot).wait_status = status;
        }
    }
}

}  // namespace forest
