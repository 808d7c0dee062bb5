#include "audit_state.hpp"

#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace audit_state {

namespace {

constexpr int answer_timeout_ms = 5000;
constexpr std::size_t message_bytes_max = 8970 + 1024;  // MAX_AUDIT_MESSAGE_LENGTH and a header

struct Setting {
    const char* name;
    std::uint32_t mask;
    std::uint32_t audit_status::*field;
};
constexpr Setting settings[] = {
    {"enabled", AUDIT_STATUS_ENABLED, &audit_status::enabled},
    {"failure", AUDIT_STATUS_FAILURE, &audit_status::failure},
    {"rate_limit", AUDIT_STATUS_RATE_LIMIT, &audit_status::rate_limit},
    {"backlog_limit", AUDIT_STATUS_BACKLOG_LIMIT, &audit_status::backlog_limit},
    {"backlog_wait_time", AUDIT_STATUS_BACKLOG_WAIT_TIME, &audit_status::backlog_wait_time},
};

}  // namespace

Kernel::~Kernel() {
    if (fd_ >= 0) ::close(fd_);
}

int Kernel::open() {
    fd_ = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
    return fd_ < 0 ? errno : 0;
}

int Kernel::send(std::uint16_t type, const void* payload, std::size_t size) {
    std::string message(NLMSG_SPACE(size), '\0');
    nlmsghdr header{};
    header.nlmsg_len = static_cast<std::uint32_t>(NLMSG_LENGTH(size));
    header.nlmsg_type = type;
    header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    header.nlmsg_seq = ++sequence_;
    std::memcpy(message.data(), &header, sizeof header);
    if (size != 0) std::memcpy(message.data() + NLMSG_HDRLEN, payload, size);
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    const auto sent =
        ::sendto(fd_, message.data(), message.size(), 0, reinterpret_cast<sockaddr*>(&kernel), sizeof kernel);
    return sent < 0 ? errno : 0;
}

namespace {

/// Hands over every message of one answer until `done` says so or none comes any more.
template <class Take>
int receive(int fd, std::uint32_t sequence, Take take) {
    char buffer[message_bytes_max];
    for (;;) {
        pollfd ready{fd, POLLIN, 0};
        const int count = ::poll(&ready, 1, answer_timeout_ms);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return errno;
        if (count == 0) return ETIMEDOUT;
        const auto size = ::recv(fd, buffer, sizeof buffer, 0);
        if (size < 0 && (errno == EINTR || errno == ENOBUFS)) continue;
        if (size < 0) return errno;
        nlmsghdr header{};
        if (static_cast<std::size_t>(size) < sizeof header) continue;
        std::memcpy(&header, buffer, sizeof header);
        if (header.nlmsg_seq != sequence) continue;
        // An answer's nlmsg_len counts its header, a record's does not: the datagram's own length is true for both.
        const std::string payload(buffer + NLMSG_HDRLEN, static_cast<std::size_t>(size) - NLMSG_HDRLEN);
        int result = 0;
        if (take(header.nlmsg_type, payload, result)) return result;
    }
}

int error_in(const std::string& payload) {
    std::int32_t error = 0;
    if (payload.size() >= sizeof error) std::memcpy(&error, payload.data(), sizeof error);
    return -error;
}

}  // namespace

int Kernel::acknowledged(std::uint32_t sequence) {
    return receive(fd_, sequence, [](std::uint16_t type, const std::string& payload, int& result) {
        if (type != NLMSG_ERROR) return false;
        result = error_in(payload);
        return true;
    });
}

int Kernel::request(std::uint16_t type, const void* payload, std::size_t size) {
    if (const int error = send(type, payload, size)) return error;
    return acknowledged(sequence_);
}

int Kernel::read_status(audit_status& status) {
    if (const int error = send(AUDIT_GET, nullptr, 0)) return error;
    bool refused = false;
    const int error = receive(fd_, sequence_, [&](std::uint16_t type, const std::string& payload, int& result) {
        if (type == NLMSG_ERROR) {
            result = error_in(payload);
            refused = result != 0;
            return refused;
        }
        if (type != AUDIT_GET) return false;
        status = {};
        std::memcpy(&status, payload.data(), std::min(payload.size(), sizeof status));
        return true;
    });
    return error;
}

int Kernel::read_rules(std::vector<std::string>& rules) {
    rules.clear();
    if (const int error = send(AUDIT_LIST_RULES, nullptr, 0)) return error;
    return receive(fd_, sequence_, [&](std::uint16_t type, const std::string& payload, int& result) {
        if (type == NLMSG_ERROR) {
            result = error_in(payload);
            return result != 0;
        }
        if (type == NLMSG_DONE) return true;
        audit_rule_data head{};
        if (type == AUDIT_LIST_RULES && payload.size() >= sizeof head) {
            std::memcpy(&head, payload.data(), sizeof head);
            rules.push_back(payload.substr(0, sizeof head + head.buflen));  // what follows is the datagram's padding
        }
        return false;
    });
}

int Kernel::read(State& state) {
    if (const int error = read_status(state.status)) return error;
    return read_rules(state.rules);
}

int Kernel::set(std::uint32_t mask, const audit_status& values) {
    audit_status wanted = values;
    wanted.mask = mask;
    return request(AUDIT_SET, &wanted, sizeof wanted);
}

int Kernel::restore(const State& wanted) {
    State now;
    if (const int error = read(now)) return error;
    int first_error = 0;
    const auto note = [&](int error) {
        if (first_error == 0) first_error = error;
    };
    // Asking for pid 0 makes the kernel probe the registered socket, and forget it when nobody holds it any more
    // (audit_replace in kernel/audit.c).
    if (now.status.pid != wanted.status.pid) note(set(AUDIT_STATUS_PID, wanted.status));
    for (const auto& setting : settings) {
        if (now.status.*setting.field != wanted.status.*setting.field) note(set(setting.mask, wanted.status));
    }
    if (now.rules != wanted.rules) {
        for (const auto& rule : now.rules) note(request(AUDIT_DEL_RULE, rule.data(), rule.size()));
        for (const auto& rule : wanted.rules) note(request(AUDIT_ADD_RULE, rule.data(), rule.size()));
    }
    return first_error;
}

bool same(const State& a, const State& b) {
    for (const auto& setting : settings) {
        if (a.status.*setting.field != b.status.*setting.field) return false;
    }
    return a.status.pid == b.status.pid && a.rules == b.rules;
}

std::string text_of(const State& state) {
    std::string text;
    for (const auto& setting : settings) {
        text += std::string(setting.name) + ' ' + std::to_string(state.status.*setting.field) + '\n';
    }
    text += "pid " + std::to_string(state.status.pid) + '\n';
    for (const auto& rule : state.rules) {
        text += "rule ";
        for (const char c : rule) {
            const auto byte = static_cast<unsigned char>(c);
            text += "0123456789abcdef"[byte >> 4];
            text += "0123456789abcdef"[byte & 15];
        }
        text += '\n';
    }
    return text;
}

std::string reason(int error) {
    switch (error) {
        case EPERM:
        case EACCES:
            return "audit needs root (CAP_AUDIT_CONTROL) in the initial user namespace";
        case ECONNREFUSED:
            return "audit cannot be controlled from inside a container (not the initial namespaces)";
        case EPROTONOSUPPORT:
        case EAFNOSUPPORT:
            return "this kernel has no audit";
        default:
            return std::string("audit does not answer: ") + std::strerror(error);
    }
}

}  // namespace audit_state
