// The initial namespaces, by the inode numbers of their files in /proc/PID/ns (include/linux/proc_ns.h).
#pragma once

#include <cstdint>

namespace lineage::model {

constexpr std::uint64_t initial_user_namespace = 0xEFFFFFFD;  ///< PROC_USER_INIT_INO
constexpr std::uint64_t initial_pid_namespace = 0xEFFFFFFC;   ///< PROC_PID_INIT_INO

}  // namespace lineage::model
