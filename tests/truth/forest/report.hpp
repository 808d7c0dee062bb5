// The truth as a file: one JSON object a line and life, by slot. Names of files and arguments are bytes in hex.
#pragma once

namespace forest {

/// Returns how many lives it wrote, -1 where it could not.
int write_truth(const char* path);
/// What wait(2) told their parents against what they meant: a difference is the generator's mistake.
void compare_with_wait();

}  // namespace forest
