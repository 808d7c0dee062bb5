#include "lineage/capture/window.hpp"

#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "datagrams.hpp"
#include "lineage/base/check.hpp"
#include "lineage/connector/connector.hpp"
#include "lineage/journal/journal.hpp"

namespace lineage::capture {

namespace {

constexpr std::size_t audit_batch_max = 256;
constexpr std::size_t record_bytes_max = 8970 + NLMSG_HDRLEN + 6;  // MAX_AUDIT_MESSAGE_LENGTH (libaudit.h), aligned
constexpr std::size_t connector_batch_max = 128;
constexpr std::size_t connector_bytes_max = 1024;  // a message is 76 bytes and its netlink header

template <std::size_t Count, std::size_t Bytes>
struct Batch {
    mmsghdr messages[Count];
    sockaddr_nl senders[Count];
    char bytes[Count * Bytes];

    Slots slots() { return {messages, senders, bytes, Count, Bytes}; }
};

struct Layout {
    char magic[8];
    Carried carried;
    Batch<audit_batch_max, record_bytes_max> audit;
    Batch<connector_batch_max, connector_bytes_max> connector;
};
// The last character is the layout's version.
constexpr char magic[8] = {'L', 'N', 'G', 'W', 'N', 'D', 'W', '3'};

Layout& layout(void* memory) {
    return *static_cast<Layout*>(memory);
}

/// All of it is there before the first datagram: a copy by the kernel must not fail for want of a page.
void* map(int fd) {
    const int kind = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
    void* const memory = ::mmap(nullptr, sizeof(Layout), PROT_READ | PROT_WRITE, kind | MAP_POPULATE, fd, 0);
    if (memory == MAP_FAILED) return nullptr;
    ::madvise(memory, sizeof(Layout), MADV_DONTFORK);  // the tracker, which reads hostile bytes, is a child
    ::mlock(memory, sizeof(Layout));                   // best effort: swapped out it is only slower
    return memory;
}

/// Finds the datagrams of `slots` among frames; the order of both is that of their receipt.
class Settling {
public:
    explicit Settling(const Slots& slots) : slots_(slots) {}

    void appended(std::string_view payload, std::string_view (*payload_of)(std::string_view datagram)) {
        for (std::size_t i = next_; i < slots_.count_max; ++i) {
            if (slots_.messages[i].msg_len == 0 || payload_of(slots_[i]) != payload) continue;
            for (; next_ <= i; ++next_) slots_.messages[next_].msg_len = 0;
            return;
        }
    }

private:
    Slots slots_;
    std::size_t next_ = 0;
};

std::string_view record_in(std::string_view datagram) {
    return datagram.substr(std::min<std::size_t>(datagram.size(), NLMSG_HDRLEN));
}

/// A datagram is appended when the last of its messages is; the tracker passes over one that it sees twice.
std::string_view last_message_in(std::string_view datagram) {
    std::string_view last;
    connector::split(datagram, [&](std::string_view message) { last = message; });
    return last;
}

}  // namespace

base::Result<Window> Window::make() {
    base::UniqueFd memfd(::memfd_create("lineage-window", MFD_CLOEXEC));
    if (!memfd || ::ftruncate(memfd.get(), sizeof(Layout)) != 0)
        return base::fail_errno("make the receive window", errno);
    void* const memory = map(memfd.get());
    if (memory == nullptr) return base::fail_errno("map the receive window", errno);
    layout(memory).carried = {};
    std::memcpy(layout(memory).magic, magic, sizeof magic);
    return Window(std::move(memfd), memory);
}

base::Result<Window> Window::adopt(base::UniqueFd memfd) {
    struct stat status {};
    if (::fstat(memfd.get(), &status) != 0 || status.st_size != static_cast<off_t>(sizeof(Layout)))
        return base::fail("the receive window that was left", "another version's");
    void* const memory = map(memfd.get());
    if (memory == nullptr) return base::fail_errno("map the receive window", errno);
    Window window(std::move(memfd), memory);
    if (std::memcmp(layout(memory).magic, magic, sizeof magic) != 0)
        return base::fail("the receive window that was left", "another version's");
    return window;
}

Window Window::of_own() {
    void* const memory = map(-1);
    CHECK(memory != nullptr);
    return {{}, memory};
}

Window::Window(Window&& other) noexcept
    : memfd_(std::move(other.memfd_)), memory_(std::exchange(other.memory_, nullptr)) {}

Window::~Window() {
    if (memory_ != nullptr) ::munmap(memory_, sizeof(Layout));
}

void Window::settle(const std::string& journal) {
    auto reader = journal::Reader::open(journal, carried().since);
    if (!reader) return;  // another journal: nothing of this is in it
    Settling records(audit());
    Settling events(connector());
    model::Frame frame;
    for (auto next = reader->next(frame); next && *next == journal::Reader::Next::frame; next = reader->next(frame)) {
        if (frame.source == model::Source::audit) records.appended(frame.payload, record_in);
        if (frame.source == model::Source::connector) events.appended(frame.payload, last_message_in);
    }
}

Carried& Window::carried() const {
    return layout(memory_).carried;
}
Slots Window::audit() const {
    return layout(memory_).audit.slots();
}
Slots Window::connector() const {
    return layout(memory_).connector.slots();
}

}  // namespace lineage::capture
