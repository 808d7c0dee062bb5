// Where in the log of one host another boot begins. No record says so for certain (SYSTEM_BOOT comes late, from
// systemd, and a log may lack it), so several signs count, as the records come by:
//
// - the serial falls while time goes on. The kernel numbers records from 1 in each boot (audit_serial in
// kernel/audit.c).
//   Within a boot what stands behind has been emitted a moment before at most, and a stamp is older than its emission.
// - the kernel's first word: KERNEL, serial 1.
// - after SYSTEM_SHUTDOWN auditd starts (DAEMON_START), or SYSTEM_BOOT comes.
// - SYSTEM_BOOT comes where the boot has had its own, or has lasted for long. What came before it, up to its serial,
//   has gone to the boot before; that happens only where the serials do not tell.
//
// SYSTEM_BOOT counts for nothing where its serial is the next one: whoever may send messages could say so (a
// container's root may), and it is the same kernel that goes on counting.
//
// auditd's own records (DAEMON_*) have serials of auditd's own making, which count for nothing.
#pragma once

#include "lineage/audit/assembler.hpp"

namespace lineage::audit {

class BootSigns {
public:
    /// Is this record, the next of that host's, of another boot than those before it?
    bool begins(const LineStamp& record);

private:
    [[nodiscard]] bool is_sign(const LineStamp& record) const;

    bool any_ = false;
    std::int64_t newest_serial_ = 0;
    model::TimeNs newest_ns_ = 0;
    model::TimeNs began_ns_ = 0;
    bool boot_told_ = false;      ///< by its SYSTEM_BOOT
    bool shutdown_told_ = false;  ///< by its SYSTEM_SHUTDOWN
};

}  // namespace lineage::audit
