// Where audit records come from. receive() takes what is there into memory, hand_over() gives it away as frames; in
// between capture drains the connector.
#pragma once

#include <functional>
#include <memory>

#include "datagrams.hpp"
#include "lineage/model/frame.hpp"

namespace lineage::capture {

struct Received {
    bool any = false;
    bool full = false;     ///< there may be more right now
    bool emptied = false;  ///< nothing was left in the queue
    bool overrun = false;  ///< the queue has overflowed since the last call
    bool ended = false;    ///< no more will come
    bool failed = false;   ///< neither is anything there nor is it sure that nothing is
};

class AuditInput {
public:
    virtual ~AuditInput() = default;
    virtual Received receive() = 0;
    /// Frames without their time of receipt; valid during the call.
    virtual void hand_over(const std::function<void(const model::Frame&)>& take) = 0;
    /// What was handed over is in the journal. False when what another process left is not handed over yet.
    virtual bool clear() = 0;
};

/// Netlink, unicast or multicast: one record a datagram, received into `slots`.
std::unique_ptr<AuditInput> make_netlink_input(int socket, const Slots& slots);
/// auditd's plugin protocol in format string (auditd-plugins(5)): one record a line. Lines are cut at 64 KiB.
std::unique_ptr<AuditInput> make_line_input(int fd);

}  // namespace lineage::capture
