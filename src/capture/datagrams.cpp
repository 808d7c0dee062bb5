#include "datagrams.hpp"

#include <algorithm>
#include <cerrno>

namespace lineage::capture {

Datagrams::Datagrams(std::size_t count_max, std::size_t bytes_max)
    : bytes_max_(bytes_max),
      memory_(count_max * bytes_max),
      senders_(count_max),
      parts_(count_max),
      messages_(count_max) {
    for (std::size_t i = 0; i < count_max; ++i) {
        parts_[i] = {memory_.data() + i * bytes_max_, bytes_max_};
        messages_[i].msg_hdr.msg_iov = &parts_[i];
        messages_[i].msg_hdr.msg_iovlen = 1;
        messages_[i].msg_hdr.msg_name = &senders_[i];
    }
}

int Datagrams::receive(int socket) {
    for (std::size_t i = 0; i < received_; ++i) senders_[i] = {};
    for (auto& message : messages_) message.msg_hdr.msg_namelen = sizeof(sockaddr_nl);
    received_ = 0;
    int count = 0;
    do {
        count = ::recvmmsg(socket, messages_.data(), static_cast<unsigned>(messages_.size()), MSG_DONTWAIT, nullptr);
    } while (count < 0 && errno == EINTR);
    if (count < 0) return errno == EAGAIN ? 0 : -errno;
    received_ = static_cast<std::size_t>(count);
    return count;
}

std::string_view Datagrams::operator[](std::size_t index) const {
    if (senders_[index].nl_pid != 0) return {};
    return {memory_.data() + index * bytes_max_, std::min<std::size_t>(messages_[index].msg_len, bytes_max_)};
}

}  // namespace lineage::capture
