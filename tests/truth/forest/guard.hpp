// That the forest leaves nothing behind.
#pragma once

namespace forest {

/// Kills every process that holds the arena, but us: no other has it.
void sweep();
/// Lowers pid_max; a second process that outlives us in every case puts it back when the returned descriptor closes,
/// which must be ours alone. -2 where that is not permitted. To be called before there is an arena, or sweep() would
/// take the second process for one of the forest.
int limit_pids(int pid_max);
/// Returns when pid_max is what it was.
void lift_limit(int held);

}  // namespace forest
