// A batch of datagrams from a non-blocking socket, received with one system call into memory that is kept.
#pragma once

#include <linux/netlink.h>
#include <sys/socket.h>

#include <cstddef>
#include <string_view>
#include <vector>

namespace lineage::capture {

class Datagrams {
public:
    Datagrams(std::size_t count_max, std::size_t bytes_max);
    Datagrams(const Datagrams&) = delete;
    Datagrams& operator=(const Datagrams&) = delete;

    /// How many were received, 0 when there are none now; a negative errno value otherwise (-ENOBUFS: the queue has
    /// overflowed since the last call).
    int receive(int socket);
    [[nodiscard]] std::size_t size() const { return received_; }
    [[nodiscard]] bool full() const { return received_ == messages_.size(); }
    /// Empty for a datagram that did not come from the kernel: anyone with CAP_NET_ADMIN may send one.
    [[nodiscard]] std::string_view operator[](std::size_t index) const;

private:
    std::size_t bytes_max_;
    std::size_t received_ = 0;
    std::vector<char> memory_;
    std::vector<sockaddr_nl> senders_;
    std::vector<iovec> parts_;
    std::vector<mmsghdr> messages_;
};

}  // namespace lineage::capture
