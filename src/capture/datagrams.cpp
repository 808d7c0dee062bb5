#include "datagrams.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>

namespace lineage::capture {

namespace {

/// Stores before it are done before those after it, as seen by whoever looks at this memory once we are dead.
void in_order() {
    std::atomic_signal_fence(std::memory_order_seq_cst);
}

}  // namespace

std::string_view Slots::operator[](std::size_t index) const {
    if (senders[index].nl_pid != 0) return {};
    return {bytes + index * bytes_max, std::min<std::size_t>(messages[index].msg_len, bytes_max)};
}

Datagrams::Datagrams(const Slots& slots) : slots_(slots), parts_(slots.count_max) {
    for (std::size_t i = 0; i < slots_.count_max; ++i) {
        parts_[i] = {slots_.bytes + i * slots_.bytes_max, slots_.bytes_max};
        mmsghdr& message = slots_.messages[i];
        message.msg_hdr = {};
        message.msg_hdr.msg_iov = &parts_[i];
        message.msg_hdr.msg_iovlen = 1;
        message.msg_hdr.msg_name = &slots_.senders[i];
        if (message.msg_len != 0) received_ = i + 1;
    }
    inherited_ = received_ > 0;
}

int Datagrams::receive(int socket) {
    if (inherited_) {
        inherited_ = false;
        return static_cast<int>(received_);
    }
    clear();
    for (std::size_t i = 0; i < slots_.count_max; ++i) slots_.messages[i].msg_hdr.msg_namelen = sizeof(sockaddr_nl);
    int count = 0;
    do {
        count = ::recvmmsg(socket, slots_.messages, static_cast<unsigned>(slots_.count_max), MSG_DONTWAIT, nullptr);
    } while (count < 0 && errno == EINTR);
    if (count < 0) return errno == EAGAIN ? 0 : -errno;
    received_ = static_cast<std::size_t>(count);
    return count;
}

bool Datagrams::clear() {
    if (inherited_) return false;
    in_order();
    for (std::size_t i = 0; i < received_; ++i) {
        slots_.messages[i].msg_len = 0;
        slots_.senders[i] = {};
    }
    received_ = 0;
    in_order();
    return true;
}

}  // namespace lineage::capture
