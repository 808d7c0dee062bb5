// The calls that make a process, each with its record around it. All return the child's pid in our namespace, or -1.
#pragma once

#include <sys/types.h>

#include "life.hpp"

namespace forest {

pid_t bear(Road road, std::uint32_t slot);              ///< by the road's own call; fork(3) where it has none
pid_t bear_with_pid(std::uint32_t slot, pid_t wanted);  ///< clone3 with set_tid

/// A child that lives in our memory until it execs or ends: vfork, CLONE_VM|CLONE_VFORK, posix_spawn. Everything it
/// needs is prepared before it exists.
struct Borrowed {
    std::uint32_t slot = 0;
    bool execs = false;
    unsigned nap_us = 0;  ///< it keeps its parent waiting so long
    Exec exec;
};
pid_t bear(Road road, Borrowed& borrowed);

}  // namespace forest
