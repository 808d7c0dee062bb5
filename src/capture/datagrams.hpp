// A batch of datagrams from a non-blocking socket, received with one system call into memory that is kept, and that may
// outlive the process (window.hpp): what another one left there is handed over by the first receive().
#pragma once

#include <linux/netlink.h>
#include <sys/socket.h>

#include <cstddef>
#include <string_view>
#include <vector>

namespace lineage::capture {

/// The memory: `count_max` of each. A message whose length is not 0 has been received.
struct Slots {
    mmsghdr* messages = nullptr;
    sockaddr_nl* senders = nullptr;
    char* bytes = nullptr;
    std::size_t count_max = 0;
    std::size_t bytes_max = 0;  ///< of one datagram

    /// Empty for a datagram that did not come from the kernel: anyone with CAP_NET_ADMIN may send one.
    [[nodiscard]] std::string_view operator[](std::size_t index) const;
};

class Datagrams {
public:
    explicit Datagrams(const Slots& slots);
    Datagrams(const Datagrams&) = delete;
    Datagrams& operator=(const Datagrams&) = delete;

    /// How many were received, 0 when there are none now; a negative errno value otherwise (-ENOBUFS: the queue has
    /// overflowed since the last call).
    int receive(int socket);
    /// What was handed over is taken care of. False when what another process left is not handed over yet.
    bool clear();
    [[nodiscard]] bool inherited() const { return inherited_; }
    [[nodiscard]] std::size_t size() const { return received_; }
    [[nodiscard]] bool full() const { return received_ == slots_.count_max; }
    [[nodiscard]] std::string_view operator[](std::size_t index) const { return slots_[index]; }

private:
    Slots slots_;
    std::size_t received_ = 0;
    bool inherited_ = false;  ///< they were there before us, and receive() has not handed them over yet
    std::vector<iovec> parts_;
};

}  // namespace lineage::capture
