// That the forest leaves nothing behind.
#pragma once

namespace forest {

/// Kills every process that holds the arena, but us: no other has it.
void sweep();
/// A helper that outlives us in every case: when held_fd, which must be ours alone, is closed, it sweeps and puts
/// pid_max back. Its death sends no signal, so that only a wait with __WCLONE sees it: it is no process of the forest.
struct Guard {
    int held_fd = -1;  ///< -1: not permitted, or refused by the kernel
    int helper = 0;    ///< its pid
};
/// Needs the arena. pid_max 0 leaves that limit alone.
Guard start_guard(int pid_max);
/// The last that is done with the forest: returns when all is as it was.
void dismiss(const Guard& guard);

}  // namespace forest
