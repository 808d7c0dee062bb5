// A terminal's name as audit's records print it (tty_name in drivers/tty/tty_io.c).
#pragma once

#include <cstdint>
#include <string>

namespace lineage::procfs {

/// "pts0", "tty1", "ttyS0"; empty for none. `device` is tty_nr of /proc/PID/stat.
std::string tty_name(std::uint32_t device);

}  // namespace lineage::procfs
