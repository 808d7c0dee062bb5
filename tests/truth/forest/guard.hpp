// That the forest leaves nothing behind.
#pragma once

namespace forest {

/// Kills every process that holds the arena, but us: no other has it.
void sweep();
/// A lower pid_max for as long as held_fd is open, which must be ours alone. A helper that outlives us in every case
/// puts it back. The helper's death sends no signal, so that only a wait with __WCLONE sees it: it is no process of the
/// forest.
struct PidLimit {
    int held_fd = -1;  ///< -1: not permitted, or refused by the kernel
    int helper = 0;    ///< its pid
};
/// To be called before there is an arena, or sweep() would take the helper for one of the forest.
PidLimit limit_pids(int pid_max);
/// Returns when pid_max is what it was.
void lift(const PidLimit& limit);

}  // namespace forest
