// audit_spoiler plant   adds three harmless rules, the last one in front: a state worth restoring
// audit_spoiler spoil   does to the audit state what a program under test may do, and more: other rules, other
//                       settings, audit enabled, itself registered as the daemon; a grandchild in a session of its own
//                       keeps the registered socket. Says "spoiled GRANDCHILD" and waits for a signal.
// For the test of audit_guard alone.
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "audit_state.hpp"

namespace {

int send(int fd, std::uint16_t type, const void* payload, std::size_t size) {
    std::string message(NLMSG_SPACE(size), '\0');
    nlmsghdr header{};
    header.nlmsg_len = static_cast<std::uint32_t>(NLMSG_LENGTH(size));
    header.nlmsg_type = type;
    header.nlmsg_flags = NLM_F_REQUEST;
    std::memcpy(message.data(), &header, sizeof header);
    std::memcpy(message.data() + NLMSG_HDRLEN, payload, size);
    return ::send(fd, message.data(), message.size(), 0) < 0 ? -1 : 0;
}

/// exit,always on one system call that nobody makes meanwhile, with a key.
int add_rule(int fd, unsigned syscall_number, std::string_view key, std::uint32_t flags = 0) {
    audit_rule_data rule{};
    rule.flags = AUDIT_FILTER_EXIT | flags;
    rule.action = AUDIT_ALWAYS;
    rule.mask[syscall_number / 32] = 1U << (syscall_number % 32);
    rule.field_count = 1;
    rule.fields[0] = AUDIT_FILTERKEY;
    rule.fieldflags[0] = AUDIT_EQUAL;
    rule.values[0] = static_cast<std::uint32_t>(key.size());
    rule.buflen = static_cast<std::uint32_t>(key.size());
    std::string raw(reinterpret_cast<const char*>(&rule), sizeof rule);
    raw += key;
    return send(fd, AUDIT_ADD_RULE, raw.data(), raw.size());
}

int spoil(int fd) {
    audit_state::Kernel kernel;
    audit_state::State found;
    if (kernel.open() != 0 || kernel.read(found) != 0) return 1;
    audit_state::State wanted = found;
    wanted.rules.clear();
    wanted.status.backlog_limit = 333;
    wanted.status.backlog_wait_time = 7;
    wanted.status.failure = 0;
    if (kernel.restore(wanted) != 0) return 1;
    audit_status daemon{};
    daemon.mask = AUDIT_STATUS_PID | AUDIT_STATUS_ENABLED;
    daemon.enabled = 1;
    daemon.pid = static_cast<std::uint32_t>(::getpid());
    if (send(fd, AUDIT_SET, &daemon, sizeof daemon) != 0 || add_rule(fd, 169, "spoiled") != 0) return 1;
    int told[2];
    if (::pipe(told) != 0) return 1;
    if (::fork() == 0) {
        ::setsid();
        if (::fork() != 0) ::_exit(0);
        const pid_t self = ::getpid();
        if (::write(told[1], &self, sizeof self) != sizeof self) ::_exit(1);
        for (;;) ::pause();
    }
    pid_t grandchild = 0;
    if (::read(told[0], &grandchild, sizeof grandchild) != sizeof grandchild) return 1;
    std::printf("spoiled %d\n", static_cast<int>(grandchild));
    std::fflush(stdout);
    ::pause();
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string_view what = argc == 2 ? argv[1] : "";
    const int fd = ::socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT);
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    if (fd < 0 || ::connect(fd, reinterpret_cast<sockaddr*>(&kernel), sizeof kernel) != 0) return 1;
    if (what == "plant")
        return add_rule(fd, 169, "one") | add_rule(fd, 153, "two") | add_rule(fd, 169, "zero", AUDIT_FILTER_PREPEND);
    if (what == "spoil") return spoil(fd);
    std::fputs("usage: audit_spoiler plant|spoil\n", stderr);
    return 2;
}
