#include "lineage/audit/control.hpp"

#include <linux/audit.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "lineage/model/namespaces.hpp"

namespace lineage::audit {

namespace {

// The kernel answers from a kernel thread of its own (kernel/audit.c, audit_send_reply); on a starved machine that
// takes a while.
constexpr int reply_wait_ms = 5000;
constexpr std::size_t reply_bytes_max = 16384;

bool in_namespace(const char* path, ino_t initial) {
    struct stat status {};
    return ::stat(path, &status) == 0 && status.st_ino != initial;
}

tl::unexpected<base::Error> refused(int error) {
    const auto because = [](const char* cause) { return base::fail("audit", cause, base::ExitCode::not_permitted); };
    switch (error) {
        case EPROTONOSUPPORT:
        case EAFNOSUPPORT:
            return because("this kernel has no audit system (CONFIG_AUDIT is off, or audit=0 is on its command line)");
        case ECONNREFUSED:  // audit_netlink_ok in kernel/audit.c
            return because("not permitted in a container or user namespace; run it on the host itself");
        case EPERM:
            if (in_namespace("/proc/self/ns/user", model::initial_user_namespace) ||
                in_namespace("/proc/self/ns/pid", model::initial_pid_namespace))
                return because("not permitted in a container or pid namespace; run it on the host itself");
            return because("not permitted; run it as root (it needs CAP_AUDIT_CONTROL)");
        default:
            return because(std::strerror(error));
    }
}

/// A kernel older than this header sends less of struct audit_status.
KernelState state_from(std::string_view payload) {
    audit_status raw{};
    std::memcpy(&raw, payload.data(), std::min(payload.size(), sizeof raw));
    return {.enabled = raw.enabled,
            .failure = raw.failure,
            .pid = raw.pid,
            .rate_limit = raw.rate_limit,
            .backlog_limit = raw.backlog_limit,
            .backlog = raw.backlog,
            .lost = raw.lost,
            .backlog_wait_time = raw.backlog_wait_time};
}

template <class T>
std::string_view bytes_of(const T& value) {
    return {reinterpret_cast<const char*>(&value), sizeof value};
}

base::Status status_of(const char* what, int error) {
    if (error == 0) return {};
    if (error == EPERM)
        return base::fail(what, "not permitted (is audit locked by -e 2 until the next boot?)",
                          base::ExitCode::not_permitted);
    return base::fail(what, std::strerror(error), base::ExitCode::not_permitted);
}

}  // namespace

base::Result<Control> Control::open() {
    base::UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT));
    if (!fd) return refused(errno);
    Control control(std::move(fd));
    if (const int error = control.send(AUDIT_GET, NLM_F_ACK, {}); error != 0) return refused(error);
    std::uint16_t type = 0;
    std::string payload;
    while (type != AUDIT_GET)
        if (const int error = control.receive(reply_wait_ms, type, payload); error != 0) return refused(error);
    return control;
}

/// Returns 0 or an errno value.
int Control::send(std::uint16_t type, std::uint16_t flags, std::string_view payload) {
    std::string message(NLMSG_SPACE(payload.size()), '\0');
    nlmsghdr header{};
    header.nlmsg_len = static_cast<std::uint32_t>(NLMSG_LENGTH(payload.size()));
    header.nlmsg_type = type;
    header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    header.nlmsg_seq = ++sequence_;
    std::memcpy(message.data(), &header, sizeof header);
    payload.copy(message.data() + NLMSG_HDRLEN, payload.size());
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    while (::sendto(fd_.get(), message.data(), message.size(), 0, reinterpret_cast<const sockaddr*>(&kernel),
                    sizeof kernel) < 0)
        if (errno != EINTR) return errno;
    return 0;
}

/// The next message from the kernel; an errno value when none came.
int Control::receive_any(int timeout_ms, Message& message) {
    char buffer[reply_bytes_max];
    for (;;) {
        pollfd readable{fd_.get(), POLLIN, 0};
        const int ready = ::poll(&readable, 1, timeout_ms);
        if (ready == 0) return ETIMEDOUT;
        if (ready < 0 && errno != EINTR) return errno;
        if (ready < 0) continue;
        sockaddr_nl from{};
        socklen_t from_size = sizeof from;
        const ssize_t size =
            ::recvfrom(fd_.get(), buffer, sizeof buffer, MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&from), &from_size);
        if (size < 0 && errno != EINTR && errno != EAGAIN) return errno;
        nlmsghdr header{};
        if (size < static_cast<ssize_t>(sizeof header) || from.nl_pid != 0) continue;
        std::memcpy(&header, buffer, sizeof header);
        message.sequence = header.nlmsg_seq;
        message.type = header.nlmsg_type;
        const auto end = std::min<std::size_t>(header.nlmsg_len, static_cast<std::size_t>(size));
        message.payload.assign(buffer + NLMSG_HDRLEN, end > NLMSG_HDRLEN ? end - NLMSG_HDRLEN : 0);
        return 0;
    }
}

/// The next message that belongs to the last request; an error it carries is returned as an errno value.
int Control::receive(int timeout_ms, std::uint16_t& type, std::string& payload) {
    asked_.reset();
    for (;;) {
        Message message;
        if (const int error = receive_any(timeout_ms, message); error != 0) return error;
        if (message.sequence != sequence_) continue;  // what is left of an earlier request
        type = message.type;
        payload = std::move(message.payload);
        if (type != NLMSG_ERROR) return 0;
        std::int32_t error = 0;
        if (payload.size() >= sizeof error) std::memcpy(&error, payload.data(), sizeof error);
        return -error;
    }
}

/// A request that is only acknowledged. Returns 0 or an errno value.
int Control::request(std::uint16_t type, std::string_view payload) {
    if (const int error = send(type, NLM_F_ACK, payload); error != 0) return error;
    std::string reply;
    std::uint16_t reply_type = 0;
    while (reply_type != NLMSG_ERROR)
        if (const int error = receive(reply_wait_ms, reply_type, reply); error != 0) return error;
    return 0;
}

base::Result<KernelState> Control::state() {
    int error = send(AUDIT_GET, 0, {});
    std::uint16_t type = 0;
    std::string payload;
    while (error == 0 && type != AUDIT_GET) error = receive(reply_wait_ms, type, payload);
    if (error != 0) return base::fail("read the audit status", std::strerror(error), base::ExitCode::not_permitted);
    return state_from(payload);
}

base::Status Control::request_picture(bool with_rules) {
    asked_.emplace();
    int error = send(AUDIT_GET, 0, {});
    asked_->state = sequence_;
    if (error == 0 && with_rules) {
        error = send(AUDIT_LIST_RULES, 0, {});
        asked_->rules = sequence_;
    }
    return status_of("ask for the audit status", error);
}

bool Control::picture_comes() const {
    return asked_.has_value();
}

std::optional<Picture> Control::take_picture() {
    Message message;
    while (asked_ && receive_any(0, message) == 0) {
        if (message.sequence == asked_->state && message.type == AUDIT_GET) {
            asked_->picture.state = state_from(message.payload);
            asked_->state = 0;
        } else if (message.sequence == asked_->rules && message.type == AUDIT_LIST_RULES) {
            asked_->picture.rules.push_back(std::move(message.payload));
        } else if (message.sequence == asked_->rules && message.type == NLMSG_DONE) {
            asked_->rules = 0;
        }
        if (asked_->state != 0 || asked_->rules != 0) continue;
        Picture whole = std::move(asked_->picture);
        asked_.reset();
        return whole;
    }
    return std::nullopt;
}

base::Status Control::set_enabled(std::uint32_t enabled) {
    audit_status status{};
    status.mask = AUDIT_STATUS_ENABLED;
    status.enabled = enabled;
    return status_of("switch audit on or off", request(AUDIT_SET, bytes_of(status)));
}

base::Status Control::clear_registration() {
    audit_status status{};
    status.mask = AUDIT_STATUS_PID;
    return status_of("give the audit registration back", request(AUDIT_SET, bytes_of(status)));
}

base::Status Control::set_backlog_limit(std::uint32_t records) {
    audit_status status{};
    status.mask = AUDIT_STATUS_BACKLOG_LIMIT;
    status.backlog_limit = records;
    return status_of("set the audit backlog limit", request(AUDIT_SET, bytes_of(status)));
}

std::uint32_t raw_backlog_wait(std::uint32_t wait_ms) {
    // The unit is the kernel's tick, which the coarse clocks' resolution tells (kernel/time/posix-timers.c).
    timespec tick{};
    ::clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
    const auto tick_ns = static_cast<std::uint64_t>(std::max(tick.tv_nsec, 1L));
    const auto wait_ns = std::uint64_t{wait_ms} * 1'000'000;
    return static_cast<std::uint32_t>((wait_ns + tick_ns - 1) / tick_ns);
}

base::Status Control::set_backlog_wait_raw(std::uint32_t raw) {
    audit_status status{};
    status.mask = AUDIT_STATUS_BACKLOG_WAIT_TIME;
    status.backlog_wait_time = raw;
    return status_of("set the audit backlog wait time", request(AUDIT_SET, bytes_of(status)));
}

base::Status Control::set_rate_limit(std::uint32_t records_a_second) {
    audit_status status{};
    status.mask = AUDIT_STATUS_RATE_LIMIT;
    status.rate_limit = records_a_second;
    return status_of("set the audit rate limit", request(AUDIT_SET, bytes_of(status)));
}

base::Status Control::set_failure(std::uint32_t failure) {
    audit_status status{};
    status.mask = AUDIT_STATUS_FAILURE;
    status.failure = failure;
    return status_of("set the audit failure mode", request(AUDIT_SET, bytes_of(status)));
}

base::Result<std::vector<std::string>> Control::list_rules() {
    std::vector<std::string> rules;
    int error = send(AUDIT_LIST_RULES, 0, {});
    std::uint16_t type = 0;
    std::string payload;
    while (error == 0 && type != NLMSG_DONE) {
        error = receive(reply_wait_ms, type, payload);
        if (error == 0 && type == AUDIT_LIST_RULES) rules.push_back(payload);
    }
    if (error != 0) return base::fail("list the audit rules", std::strerror(error), base::ExitCode::not_permitted);
    return rules;
}

base::Status Control::prepend_rule(const std::string& rule) {
    std::string first = rule;
    std::uint32_t flags = 0;  // the first field of struct audit_rule_data
    std::memcpy(&flags, first.data(), sizeof flags);
    flags |= AUDIT_FILTER_PREPEND;
    std::memcpy(first.data(), &flags, sizeof flags);
    return append_rule(first);
}

base::Status Control::append_rule(const std::string& rule) {
    return status_of("add an audit rule", request(AUDIT_ADD_RULE, rule));
}

base::Status Control::delete_rule(const std::string& rule) {
    const char* const what = "remove an audit rule";
    const int error = request(AUDIT_DEL_RULE, rule);
    if (error != ENOENT) return status_of(what, error);
    // It is gone; or it names a file that cannot be found by that name any more, or not in our mount namespace.
    const auto left = list_rules();
    if (!left) return tl::unexpected(left.error());
    if (std::find(left->begin(), left->end(), rule) == left->end()) return {};
    return base::fail(
        what, "the kernel does not find the folder of the file that it names; it can be removed once there is one",
        base::ExitCode::not_permitted);
}

}  // namespace lineage::audit
