// The system calls that are left to a child of capture: reading files (it sees the journal alone, see privileges.hpp),
// and what SQLite does with the files it has open. Whatever else fails with EPERM; what only an intruder would try (to
// run a program, to make a process or a socket, to look into another process) kills it, which the kernel logs.
//
// The audit log's writer may also make, open and rename files; it can because they are root's, as it is.
//
// A thing that the tracker is to do anew and that needs another call is added to the list, with its reason; or, better,
// is done before the cage is entered, or by capture.
#pragma once

#include "lineage/base/result.hpp"

namespace lineage::daemon {

enum class Cage { tracker, log_writer };

/// For this process, for good. It must have no_new_privs.
base::Status enter_cage(Cage cage = Cage::tracker);

}  // namespace lineage::daemon
