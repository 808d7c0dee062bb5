#include "lineage/connector/connector.hpp"

#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace lineage::connector {

namespace {

using base::ExitCode;

// struct cn_msg ends in a flexible array that C++ does not have; its header is copied from the front.
struct Header {
    cb_id id;
    std::uint32_t seq;
    std::uint32_t ack;
    std::uint16_t len;
    std::uint16_t flags;
};
static_assert(sizeof(Header) == sizeof(cn_msg));

// What stands before the union in struct proc_event.
constexpr std::size_t event_header_bytes = offsetof(proc_event, event_data);

base::Status send_operation(int socket, proc_cn_mcast_op operation) {
    struct {
        nlmsghdr netlink;
        Header message;
        proc_cn_mcast_op operation;
    } __attribute__((packed)) request{};
    request.netlink.nlmsg_len = sizeof request;
    request.netlink.nlmsg_type = NLMSG_DONE;
    request.message.id = {CN_IDX_PROC, CN_VAL_PROC};
    request.message.len = sizeof request.operation;
    request.operation = operation;
    if (::send(socket, &request, sizeof request, 0) < 0)
        return base::fail("subscribe to the process connector", std::strerror(errno), ExitCode::not_permitted);
    return {};
}

/// The message's header and as much of its event as is there; nullopt when it is none of ours or too short to tell.
struct Message {
    Header header{};
    proc_event event{};
};
std::optional<Message> parse(std::string_view message) {
    Message parsed;
    if (message.size() < sizeof parsed.header + event_header_bytes) return std::nullopt;
    std::memcpy(&parsed.header, message.data(), sizeof parsed.header);
    if (parsed.header.id.idx != CN_IDX_PROC || parsed.header.id.val != CN_VAL_PROC) return std::nullopt;
    message.remove_prefix(sizeof parsed.header);
    std::memcpy(&parsed.event, message.data(), std::min(message.size(), sizeof parsed.event));
    return parsed;
}

/// Does the message hold the whole of an event variant? Older kernels have a shorter union.
template <class Variant>
bool holds(std::string_view message) {
    return message.size() >= sizeof(Header) + event_header_bytes + sizeof(Variant);
}

std::string comm_of(const char* comm, std::size_t size) {
    return {comm, ::strnlen(comm, size)};
}

}  // namespace

base::Result<base::UniqueFd> open_socket(int queue_bytes) {
    const char* const what = "listen to the process connector";
    base::UniqueFd fd(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR));
    if (!fd) return base::fail(what, std::strerror(errno), ExitCode::not_permitted);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &queue_bytes, sizeof queue_bytes);
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = CN_IDX_PROC;
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return base::fail(what, std::strerror(errno), ExitCode::not_permitted);
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel) != 0)
        return base::fail(what, std::strerror(errno), ExitCode::not_permitted);
    if (auto sent = send_operation(fd.get(), PROC_CN_MCAST_LISTEN); !sent) return tl::unexpected(sent.error());
    // The kernel handles the request before send() returns, and acknowledges it to the group, unless it silently
    // passes it over (cn_proc_mcast_ctl in drivers/connector/cn_proc.c: not in the initial user and pid namespaces).
    char acknowledgement = 0;
    if (::recv(fd.get(), &acknowledgement, sizeof acknowledgement, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN)
        return base::fail(what, "this kernel has none, or not for a container", ExitCode::not_permitted);
    return fd;
}

base::Status subscribe_again(int socket) {
    return send_operation(socket, PROC_CN_MCAST_LISTEN);
}

base::Status unsubscribe(int socket) {
    return send_operation(socket, PROC_CN_MCAST_IGNORE);
}

int split(std::string_view datagram, const std::function<void(std::string_view message)>& take) {
    int count = 0;
    nlmsghdr netlink{};
    while (datagram.size() >= sizeof netlink) {
        std::memcpy(&netlink, datagram.data(), sizeof netlink);
        if (netlink.nlmsg_len < NLMSG_HDRLEN || netlink.nlmsg_len > datagram.size()) break;
        const auto message = datagram.substr(NLMSG_HDRLEN, netlink.nlmsg_len - NLMSG_HDRLEN);
        if (netlink.nlmsg_type == NLMSG_DONE && parse(message)) {
            take(message);
            ++count;
        }
        datagram.remove_prefix(std::min<std::size_t>(NLMSG_ALIGN(netlink.nlmsg_len), datagram.size()));
    }
    return count;
}

std::optional<Stamp> stamp_of(std::string_view message) {
    const auto parsed = parse(message);
    // Acknowledgements of subscriptions, anyone's, take a number of their cpu's sequence like events do (send_msg in
    // drivers/connector/cn_proc.c); where a kernel numbers them otherwise it marks them with cpu -1.
    if (!parsed || parsed->event.cpu == UINT32_MAX || parsed->event.timestamp_ns > model::time_ns_max)
        return std::nullopt;
    return Stamp{parsed->event.cpu, parsed->header.seq, parsed->event.timestamp_ns};
}

std::optional<model::Observation> decode(std::string_view message) {
    const auto parsed = parse(message);
    if (!parsed) return std::nullopt;
    const proc_event& event = parsed->event;
    const auto time_ns = static_cast<model::TimeNs>(event.timestamp_ns);
    const auto& data = event.event_data;
    switch (event.what) {
        case proc_event::PROC_EVENT_FORK:
            if (!holds<decltype(data.fork)>(message)) return std::nullopt;
            return model::ConnectorFork{time_ns, data.fork.parent_tgid, data.fork.child_pid, data.fork.child_tgid};
        case proc_event::PROC_EVENT_EXEC:
            if (!holds<decltype(data.exec)>(message)) return std::nullopt;
            return model::ConnectorExec{time_ns, data.exec.process_pid, data.exec.process_tgid};
        case proc_event::PROC_EVENT_UID:
        case proc_event::PROC_EVENT_GID:
            if (!holds<decltype(data.id)>(message)) return std::nullopt;
            return model::ConnectorId{
                time_ns,        data.id.process_pid, data.id.process_tgid, event.what == proc_event::PROC_EVENT_GID,
                data.id.r.ruid, data.id.e.euid};
        case proc_event::PROC_EVENT_COMM:
            if (!holds<decltype(data.comm)>(message)) return std::nullopt;
            return model::ConnectorComm{time_ns, data.comm.process_pid, data.comm.process_tgid,
                                        comm_of(data.comm.comm, sizeof data.comm.comm)};
        case proc_event::PROC_EVENT_COREDUMP:
            if (message.size() < sizeof(Header) + event_header_bytes + 2 * sizeof(pid_t)) return std::nullopt;
            return model::ConnectorCoredump{time_ns, data.coredump.process_pid, data.coredump.process_tgid};
        case proc_event::PROC_EVENT_EXIT: {
            // parent_pid and parent_tgid since Linux 4.18.
            constexpr std::size_t old_bytes = 2 * sizeof(pid_t) + 2 * sizeof(std::uint32_t);
            if (message.size() < sizeof(Header) + event_header_bytes + old_bytes) return std::nullopt;
            const bool tells_parent = holds<decltype(data.exit)>(message);
            return model::ConnectorExit{time_ns, data.exit.process_pid, data.exit.process_tgid, data.exit.exit_code,
                                        tells_parent ? data.exit.parent_tgid : -1};
        }
        default:
            return std::nullopt;
    }
}

std::optional<Sequence::Hole> Sequence::step(const Stamp& stamp) {
    const auto [at, first] = last_.try_emplace(stamp.cpu, stamp);
    Stamp& last = at->second;
    if (first) return Hole{0, stamp.time_ns};
    const std::uint32_t ahead = stamp.seq - (last.seq + 1);  // the counter wraps, and so does this
    constexpr std::uint32_t half = 1U << 31;
    if (ahead >= half) return std::nullopt;
    const Hole hole{ahead, last.time_ns};
    last = stamp;
    return hole;
}

void Sequence::save(base::Encoder& out) const {
    out.put(static_cast<std::uint32_t>(last_.size()));
    for (const auto& [cpu, last] : last_) {
        out.put(cpu);
        out.put(last.seq);
        out.put(last.time_ns);
    }
}

void Sequence::restore(base::Decoder& in) {
    last_.clear();
    for (auto left = in.get<std::uint32_t>(); left > 0 && in.ok(); --left) {
        Stamp last;
        in.get(last.cpu);
        in.get(last.seq);
        in.get(last.time_ns);
        last_[last.cpu] = last;
    }
}

}  // namespace lineage::connector
