// Where capture receives into, and what it has to know from one frame to the next: memory that outlives the process, so
// that whoever takes over from a capture that was killed finds what had left a socket's queue and was not yet in the
// journal.
//
// Why nothing slips through. recvmmsg(2) writes a datagram and then its length here, one after the other, inside the
// kernel, where no signal ends a process (do_recvmmsg in net/socket.c); before the next call the lengths are zeroed. So
// a length that is not 0 is a datagram that was taken off a queue. Whether it is in the journal too, the journal says:
// it keeps the order, so all that follows the last datagram that is found behind Carried::since is still to be
// appended.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "lineage/base/result.hpp"
#include "lineage/base/unique_fd.hpp"

namespace lineage::capture {

struct Slots;

/// What a capture hands down. Times are CLOCK_REALTIME in ns.
struct Carried {
    std::uint64_t since = 0;  ///< the journal's end before the datagrams that are here were received
    std::int64_t real_minus_mono_ns = 0;
    std::int64_t real_minus_boot_ns = 0;
    std::int64_t waiting_since_ns = 0;   ///< frames wait in the dead one's memory since then; 0: none
    std::int64_t alive_ns = 0;           ///< when it last took something off a queue
    std::int64_t lost_checked_ns = 0;    ///< audit was looked at then: its counter was `lost`, the daemon was ours
    std::int64_t connector_sure_ns = 0;  ///< no connector event from before then is missing
    std::uint32_t lost = 0;
    /// The connector's queue has overflowed and was not seen empty since: the kernel may be dropping all along.
    bool connector_overrun = false;
};

class Window {
public:
    /// A new one, in a memfd.
    static base::Result<Window> make();
    /// The one behind `memfd`, as another process left it; refused where it has another version's layout.
    static base::Result<Window> adopt(base::UniqueFd memfd);
    /// One that ends with the process.
    static Window of_own();

    Window(Window&& other) noexcept;
    Window& operator=(Window&&) = delete;
    ~Window();

    /// Takes away what is in the journal already. Its Writer must be open: a torn tail is cut by then.
    void settle(const std::string& journal);

    [[nodiscard]] int fd() const { return memfd_.get(); }
    [[nodiscard]] Carried& carried() const;
    [[nodiscard]] Slots audit() const;
    [[nodiscard]] Slots connector() const;

private:
    Window(base::UniqueFd memfd, void* memory) : memfd_(std::move(memfd)), memory_(memory) {}
    base::UniqueFd memfd_;
    void* memory_;
};

}  // namespace lineage::capture
