// One writer a database: an exclusive lock on FILE.lock beside it, which the kernel lets go with its holder. The lock
// file itself stays, for a removed one could be locked by one process and made anew by another.
// (Not on the database: closing any descriptor of a file drops the POSIX locks that SQLite keeps on it.)
#pragma once

#include <string>

#include "lineage/base/result.hpp"
#include "lineage/base/unique_fd.hpp"

namespace lineage::store {

/// The lock is held while the descriptor is open. `path` is the database's; it must exist.
base::Result<base::UniqueFd> lock_for_writing(const std::string& path);

}  // namespace lineage::store
