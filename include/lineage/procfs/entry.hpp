// /proc as a witness: reads one process or all of them, and encodes what was read as a frame's payload, so that a
// replay sees exactly what was seen.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lineage/base/result.hpp"
#include "lineage/model/observation.hpp"

namespace lineage::procfs {

/// Reads /proc/PID (stat, status, cmdline, exe, cwd, loginuid, sessionid, task); nullopt when it is gone (also when it
/// changed hands while being read). argv is cut at 3 MiB. Fields that may not be read are left unset.
std::optional<model::Seen> read_process(model::Pid pid);
/// The pids that /proc lists now, ascending.
std::vector<model::Pid> list_pids();

std::string encode(const model::Seen& seen);
base::Result<model::Seen> decode(std::string_view payload);

/// This boot and this host, from /proc/sys/kernel/random/boot_id, the host name and the clocks.
model::BootBegan read_boot();
/// CLOCK_REALTIME less another clock, now, ns, measured as tightly as can be. Suspending the machine changes the first,
/// setting the clock both.
struct ClockOffsets {
    model::TimeNs real_minus_mono_ns = 0;
    model::TimeNs real_minus_boot_ns = 0;
};
ClockOffsets clock_offsets();

}  // namespace lineage::procfs
