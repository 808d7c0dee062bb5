// The system calls that are left to the tracker: reading files (it sees the journal alone, see privileges.hpp), and
// what SQLite does with the files it has open. Whatever else fails with EPERM; what only an intruder would try (to run
// a program, to make a process or a socket, to look into another process) kills it, which the kernel logs.
//
// A thing that the tracker is to do anew and that needs another call is added to the list, with its reason; or, better,
// is done before the cage is entered, or by capture.
#pragma once

#include "lineage/base/result.hpp"

namespace lineage::daemon {

/// For this process, for good. It must have no_new_privs.
base::Status enter_cage();

}  // namespace lineage::daemon
