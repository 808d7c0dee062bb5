#include <fcntl.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "lineage/audit/control.hpp"

namespace lineage::audit {

namespace {

base::Result<base::UniqueFd> open_bound(int queue_bytes, std::uint32_t groups) {
    base::UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_AUDIT));
    if (!fd) return base::fail("open an audit socket", std::strerror(errno), base::ExitCode::not_permitted);
    // Best effort: without CAP_NET_ADMIN the queue stays small, which the kernel's own backlog makes up for.
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &queue_bytes, sizeof queue_bytes);
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = groups;
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return base::fail("listen to audit", std::strerror(errno), base::ExitCode::not_permitted);
    return fd;
}

/// Without NLM_F_ACK: an acknowledgement would stand in the same queue as the records, among which it would have to be
/// looked for. A refusal still arrives, and sendto() returns after the kernel has put it there.
int send_pid(int socket, std::uint32_t pid) {
    struct {
        nlmsghdr header;
        audit_status status;
    } message{};
    message.header.nlmsg_len = sizeof message;
    message.header.nlmsg_type = AUDIT_SET;
    message.header.nlmsg_flags = NLM_F_REQUEST;
    message.status.mask = AUDIT_STATUS_PID;
    message.status.pid = pid;
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    const auto sent =
        ::sendto(socket, &message, sizeof message, 0, reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel);
    return sent < 0 ? errno : 0;
}

int refusal_in(int socket) {
    struct {
        nlmsghdr header;
        nlmsgerr error;
    } message{};
    const auto size = ::recv(socket, &message, sizeof message, MSG_DONTWAIT | MSG_TRUNC);
    if (size < static_cast<ssize_t>(sizeof message.header + sizeof message.error.error)) return EIO;
    return message.header.nlmsg_type == NLMSG_ERROR ? -message.error.error : EIO;
}

std::string comm_of(std::uint32_t pid) {
    char path[64];
    std::snprintf(path, sizeof path, "/proc/%u/comm", pid);
    base::UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
    char comm[64];
    const ssize_t size = fd ? ::read(fd.get(), comm, sizeof comm) : -1;
    if (size <= 1) return {};
    return {comm, static_cast<std::size_t>(size - 1)};
}

tl::unexpected<base::Error> held_by(std::uint32_t pid) {
    const std::string comm = comm_of(pid);
    const std::string who = comm.empty() ? "a process that is gone (pid " + std::to_string(pid) +
                                               ") but whose socket another one keeps open"
                                         : comm + " (pid " + std::to_string(pid) + ")";
    return base::fail("register as the audit daemon",
                      who + " is registered already; stop it, or record beside it with --source multicast",
                      base::ExitCode::not_permitted);
}

base::Status register_as_daemon(int socket) {
    auto control = Control::open();
    if (!control) return tl::unexpected(control.error());
    if (const int error = send_pid(socket, static_cast<std::uint32_t>(::getpid())); error != 0)
        return base::fail("register as the audit daemon", std::strerror(error), base::ExitCode::not_permitted);
    const auto state = control->state();
    if (!state) return tl::unexpected(state.error());
    if (state->pid == static_cast<std::uint32_t>(::getpid())) return {};
    const int error = refusal_in(socket);
    if (error == EEXIST && state->pid != 0) return held_by(state->pid);
    return base::fail("register as the audit daemon", std::strerror(error), base::ExitCode::not_permitted);
}

}  // namespace

base::Result<base::UniqueFd> open_unicast(int queue_bytes) {
    auto socket = open_bound(queue_bytes, 0);
    if (!socket) return socket;
    if (auto registered = register_as_daemon(socket->get()); !registered) return tl::unexpected(registered.error());
    return socket;
}

base::Result<bool> take_over_unicast(int socket) {
    auto control = Control::open();
    if (!control) return tl::unexpected(control.error());
    const auto state = control->state();
    if (!state) return tl::unexpected(state.error());
    if (state->pid != 0 && ::kill(static_cast<pid_t>(state->pid), 0) == 0) return held_by(state->pid);
    if (state->pid != 0) return true;
    if (auto registered = register_as_daemon(socket); !registered) return tl::unexpected(registered.error());
    return false;
}

base::Result<base::UniqueFd> open_multicast(int queue_bytes) {
    return open_bound(queue_bytes, 1U << (AUDIT_NLGRP_READLOG - 1));
}

base::Status register_again(int unicast_socket) {
    if (const int error = send_pid(unicast_socket, static_cast<std::uint32_t>(::getpid())); error != 0)
        return base::fail("register as the audit daemon", std::strerror(error), base::ExitCode::not_permitted);
    return {};
}

base::Status listen_along(int unicast_socket, bool along) {
    const int group = AUDIT_NLGRP_READLOG;
    const int option = along ? NETLINK_ADD_MEMBERSHIP : NETLINK_DROP_MEMBERSHIP;
    if (::setsockopt(unicast_socket, SOL_NETLINK, option, &group, sizeof group) != 0)
        return base::fail("listen to audit", std::strerror(errno), base::ExitCode::not_permitted);
    return {};
}

base::Status unregister() {
    auto control = Control::open();
    if (!control) return tl::unexpected(control.error());
    return control->clear_registration();
}

}  // namespace lineage::audit
