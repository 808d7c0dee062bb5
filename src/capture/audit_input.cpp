#include "audit_input.hpp"

#include <linux/audit.h>
#include <linux/netlink.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace lineage::capture {

namespace {

constexpr std::size_t line_bytes_max = 64U << 10;

/// Below 1100 stand the commands and their replies, and two types that are records all the same (linux/audit.h).
bool is_record(std::uint16_t type) {
    if (type == AUDIT_USER || type == AUDIT_LOGIN) return true;
    return type >= AUDIT_FIRST_USER_MSG && type != AUDIT_REPLACE;
}

class NetlinkInput final : public AuditInput {
public:
    NetlinkInput(int socket, const Slots& slots) : socket_(socket), records_(slots) {}

    Received receive() override {
        Received received;
        const bool inherited = records_.inherited();
        int count = records_.receive(socket_);
        if (count == -ENOBUFS) {
            received.overrun = true;
            count = records_.receive(socket_);
        }
        received.any = count > 0;
        received.full = count > 0 && records_.full();
        received.emptied = count >= 0 && !received.full && !inherited;
        received.failed = count < 0;
        return received;
    }

    void hand_over(const std::function<void(const model::Frame&)>& take) override {
        for (std::size_t i = 0; i < records_.size(); ++i) {
            const std::string_view datagram = records_[i];
            nlmsghdr header{};
            if (datagram.size() <= NLMSG_HDRLEN) continue;
            std::memcpy(&header, datagram.data(), sizeof header);
            if (!is_record(header.nlmsg_type)) continue;
            // nlmsg_len leaves the header out in records (kernel/audit.c, audit_log_end); the datagram's size is true.
            take({.source = model::Source::audit, .type = header.nlmsg_type, .payload = datagram.substr(NLMSG_HDRLEN)});
        }
    }

    bool clear() override { return records_.clear(); }

private:
    int socket_;
    Datagrams records_;
};

class LineInput final : public AuditInput {
public:
    explicit LineInput(int fd) : fd_(fd) { buffer_.reserve(2 * line_bytes_max); }

    Received receive() override {
        Received received;
        pollfd waiting{fd_, POLLIN, 0};  // what was given to us may be blocking, and is not ours alone to change
        if (::poll(&waiting, 1, 0) == 0) return received;
        const std::size_t before = buffer_.size();
        buffer_.resize(before + line_bytes_max);
        const ssize_t size = ::read(fd_, buffer_.data() + before, line_bytes_max);
        buffer_.resize(before + static_cast<std::size_t>(size > 0 ? size : 0));
        received.any = size > 0;
        received.full = size == static_cast<ssize_t>(line_bytes_max);
        received.ended = size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR);
        if (received.ended && before > 0 && !overlong_) {  // the last line may lack its newline
            buffer_.push_back('\n');
            received.any = true;
        }
        return received;
    }

    void hand_over(const std::function<void(const model::Frame&)>& take) override {
        std::string_view rest = buffer_;
        for (auto end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
            if (!overlong_ && end > 0) give(rest.substr(0, end), take);
            overlong_ = false;
            rest.remove_prefix(end + 1);
        }
        if (overlong_) rest = {};
        if (rest.size() >= line_bytes_max) {
            give(rest, take);
            overlong_ = true;  // what follows up to the newline belongs to the line that was cut
            rest = {};
        }
        buffer_.erase(0, buffer_.size() - rest.size());
    }

    bool clear() override { return true; }

private:
    static void give(std::string_view line, const std::function<void(const model::Frame&)>& take) {
        take({.source = model::Source::audit_line, .payload = line.substr(0, line_bytes_max)});
    }

    int fd_;
    bool overlong_ = false;
    std::string buffer_;
};

}  // namespace

std::unique_ptr<AuditInput> make_netlink_input(int socket, const Slots& slots) {
    return std::make_unique<NetlinkInput>(socket, slots);
}
std::unique_ptr<AuditInput> make_line_input(int fd) {
    return std::make_unique<LineInput>(fd);
}

}  // namespace lineage::capture
