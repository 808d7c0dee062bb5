// The process connector (CN_PROC, linux/cn_proc.h, drivers/connector/cn_proc.c): the kernel's own word on every fork,
// exec, change of identity and exit, kernel threads included.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string_view>

#include "lineage/base/codec.hpp"
#include "lineage/base/result.hpp"
#include "lineage/base/unique_fd.hpp"
#include "lineage/model/observation.hpp"

namespace lineage::connector {

/// A subscribed, non-blocking socket with a receive buffer of about `queue_bytes`; needs CAP_NET_ADMIN.
base::Result<base::UniqueFd> open_socket(int queue_bytes);
/// Once more, on a socket that is subscribed already: anyone with CAP_NET_ADMIN may have ended everybody's subscription
/// (an IGNORE of a new socket counts the kernel's listeners down, cn_proc_mcast_ctl in drivers/connector/cn_proc.c).
base::Status subscribe_again(int socket);
base::Status unsubscribe(int socket);

/// The messages in one datagram, for the journal: hands over each struct cn_msg with its struct proc_event, raw.
/// Returns how many there were; foreign messages are passed over.
int split(std::string_view datagram, const std::function<void(std::string_view message)>& take);

struct Stamp {
    std::uint32_t cpu = 0;
    std::uint32_t seq = 0;      ///< counts up by one per message of that cpu (cn_msg.seq)
    std::uint64_t time_ns = 0;  ///< CLOCK_MONOTONIC
};
std::optional<Stamp> stamp_of(std::string_view message);

/// nullopt for events that say nothing about the tree (sid, ptrace, ack) or are malformed.
std::optional<model::Observation> decode(std::string_view message);

/// Finds holes in the per-cpu sequences. Part of the pipeline's saved state.
class Sequence {
public:
    /// What was lost just before a message: how many (0 for the first of a cpu), and after which time of that cpu's.
    struct Hole {
        std::uint32_t lost = 0;
        std::uint64_t since_ns = 0;  ///< CLOCK_MONOTONIC; that of the message itself where nothing came before
    };
    /// nullopt for a duplicate.
    std::optional<Hole> step(const Stamp& stamp);
    void reset() { last_.clear(); }
    void save(base::Encoder& out) const;
    void restore(base::Decoder& in);

private:
    std::map<std::uint32_t, Stamp> last_;  ///< by cpu
};

}  // namespace lineage::connector
