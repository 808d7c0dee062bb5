// /proc/PID/stat (proc(5), fs/proc/array.c): the fields that are wanted of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lineage::procfs {

struct Stat {
    std::string comm;
    char state = '?';
    std::int32_t ppid = 0;
    std::uint32_t tty = 0;  ///< device number, new_encode_dev's form
    bool kernel_thread = false;
    std::int64_t threads = 0;
    std::int64_t start_ticks = 0;  ///< USER_HZ ticks of CLOCK_BOOTTIME
};

/// comm may hold anything, parentheses and newlines included. nullopt when the text is no stat line.
std::optional<Stat> parse_stat(std::string_view text);

}  // namespace lineage::procfs
