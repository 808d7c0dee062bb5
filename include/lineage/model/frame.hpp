// A frame: what one source handed over in one message, raw, with the time of its receipt. The journal is a sequence
// of frames; an imported log is turned into the same.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lineage::model {

enum class Source : std::uint8_t {
    control = 1,     ///< written by capture itself; `type` is a Control, payload by base::Encoder
    audit = 2,       ///< one netlink audit message; `type` is nlmsg_type, payload the text after the header
    audit_line = 3,  ///< one line of an audit log or of the plugin's stdin, without its newline; `type` 0
    connector = 4,   ///< one struct cn_msg with its struct proc_event (linux/cn_proc.h); `type` is 0
    procfs = 5,      ///< one process read from /proc (lineage/procfs/entry.hpp); `type` is 0
};

struct Frame {
    Source source = Source::control;
    std::uint16_t type = 0;
    std::int64_t received_ns = 0;  ///< CLOCK_REALTIME at receipt; 0 in an imported log
    std::string_view payload;
};

/// The control frames and their payloads, field by field in order.
enum class Control : std::uint16_t {
    boot = 1,  ///< bytes boot_id, bytes hostname, i64 CLOCK_REALTIME - CLOCK_MONOTONIC (ns), i64 boot time (ns, UTC)
    /// i64 CLOCK_REALTIME - CLOCK_MONOTONIC (ns): it has changed; i64 CLOCK_REALTIME - CLOCK_BOOTTIME (not in early
    /// journals), which tells a clock that was set from a machine that was suspended.
    clock = 2,
    connector_up = 3,  ///< the process connector is subscribed from here on; no payload
    connector_down = 4,
    /// i64 CLOCK_MONOTONIC ns: every connector event before that moment is in the journal above this frame. Capture
    /// writes it between the connector's events and the audit records that were received before it looked.
    connector_drained = 5,
    snapshot_begin = 6,  ///< i64 CLOCK_REALTIME ns
    snapshot_end = 7,    ///< i64 CLOCK_REALTIME ns of its beginning
    lost = 8,            ///< u8 Witness, i64 from_ns, i64 to_ns, i64 count (-1 unknown), bytes why
    idle = 9,            ///< nothing came for a while; the time of receipt is all it tells
    stop = 10,           ///< an orderly end of capture
    /// Audit records are consumed from here on; u8: 1 if we are the only consumer; u8: 1 if our rules had been in force
    /// before, by the boot loader or one that died; i32 pid of capture (both not in early journals).
    audit_up = 11,
    audit_down = 12,
    /// Capture goes on with the sockets of one that died, which were kept open: i64 when that one was last alive, i64
    /// now, both CLOCK_REALTIME ns, i32 pid of capture (not in early journals). Nothing is missing in between.
    resumed = 13,
    /// i64 CLOCK_REALTIME ns when it was first found, u8 Weakness, i64 from_ns (all was well then), i64 to_ns (undone;
    /// 0: not), i64 how often so far, i32 pid of capture, bytes what, i32 pid of who did it (0: not known; not in early
    /// journals). A later one with the same first two fields replaces it.
    tampered = 14,
    /// u8: 1, the queue of the registered audit socket has overflowed, or may have before we took it over: serials that
    /// are missing behind this may never come; 0, it has been seen empty.
    audit_overrun = 15,
    /// Records had told of a change, so audit's state was looked at; what was wrong with it, `tampered` tells. i64
    /// CLOCK_REALTIME ns when it was asked for; i64 when the answer had come; i64 the number of rules in the exclude
    /// list; and the same three of the look before, told or not (0: there was none). Early journals have two of the
    /// six.
    audit_looked = 16,
};

}  // namespace lineage::model
