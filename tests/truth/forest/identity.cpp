// Who a process is. The truth is told as the initial user namespace has it; a process in another one is told other
// numbers by getresuid(2), and 65534 for an id that has no number there.
#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>

#include "life.hpp"

namespace forest {

namespace {

constexpr std::uint32_t ids_mapped = 60000 + 1000;  ///< all that change_identity() may draw
constexpr auto keep = static_cast<uid_t>(-1);

// An id without a number in the namespace cannot have been set there: it is still what it was before.
std::uint32_t outside(std::uint32_t told, std::uint32_t first, const UserNamespace& in, std::uint32_t before) {
    if (!in.entered) return told;
    return told < in.count ? first + told : before;
}

bool write_line(const std::string& path, const std::string& line) {
    const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0) return false;
    const bool written = write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size());
    const int error = errno;
    close(fd);
    errno = error;
    return written;
}

bool write_maps(const std::string& process, const UserNamespace& space) {
    const auto line = [&](std::uint32_t first) {
        return "0 " + std::to_string(first) + " " + std::to_string(space.count) + "\n";
    };
    return write_line(process + "/uid_map", line(space.outside_uid)) &&
           write_line(process + "/gid_map", line(space.outside_gid));
}

// Raw: glibc's setresuid would bring all threads along, and a raw-cloned process's glibc counts its threads wrong.
void change(long set_three, long set_two, std::uint32_t id) {
    switch (draw(4)) {
        case 0:
            syscall(set_three, id, id, id);
            break;
        case 1:
            syscall(set_three, id, keep, keep);
            break;
        case 2:
            syscall(set_three, keep, id, keep);
            break;
        default:
            syscall(set_two, id, id);
            break;
    }
}

std::uint32_t some_id() {
    return static_cast<std::uint32_t>(1000 + draw(60000));
}

}  // namespace

void note_identity(Record& r) {
    uid_t real, effective, saved;
    getresuid(&real, &effective, &saved);
    const UserNamespace& in = r.user_namespace;
    r.uid = outside(real, in.outside_uid, in, r.uid);
    r.euid = outside(effective, in.outside_uid, in, r.euid);
    getresgid(&real, &effective, &saved);
    r.gid = outside(real, in.outside_gid, in, r.gid);
    r.egid = outside(effective, in.outside_gid, in, r.egid);
}

bool privileged() {
    return me().euid == 0 && !me().user_namespace.entered;
}

bool may_change_identity() {
    return privileged() || me().user_namespace.count > 1;
}

void change_identity() {
    if (chance(60)) change(SYS_setresgid, SYS_setregid, some_id());  // first: who is not root any more may not
    if (chance(75)) change(SYS_setresuid, SYS_setreuid, some_id());
    note_identity(me());
}

void log_in() {
    const std::uint32_t auid = draw(8) == 0 ? unset_uid : some_id();
    if (write_line("/proc/self/loginuid", std::to_string(auid))) me().auid = auid;
}

void unshare_users() {
    Record& r = me();
    if (r.user_namespace.entered) return;
    // EINVAL while a thread that we joined has not quite left the kernel (check_unshare_flags).
    for (int tries = 0; unshare(CLONE_NEWUSER) != 0; ++tries) {
        if (errno != EINVAL || tries > 1000) return;
        pause_us(100);
    }
    r.user_namespace = {true, r.euid, r.egid, 1};
    // One's own id alone may be mapped without privilege (new_idmap_permitted); where that fails, no id has a number.
    write_line("/proc/self/setgroups", "deny");
    write_maps("/proc/self", r.user_namespace);
}

UserNamespace some_users() {
    const auto first = static_cast<std::uint32_t>(100'000 * (1 + draw(3)));
    return {true, first, first + 7, ids_mapped};
}

void give_users(const Record& child) {
    if (!write_maps("/proc/" + std::to_string(child.pid), child.user_namespace)) mistake("uid_map", errno);
}

}  // namespace forest
