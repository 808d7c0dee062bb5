// One writer a database: an exclusive lock on FILE.lock beside it, which the kernel lets go with its holder. The lock
// file itself stays, for a removed one could be locked by one process and made anew by another.
//
// Root's writers hold another one, which is the inode's, whatever its names (a hard link, a FILE.lock that somebody has
// removed): a byte of a file that only root can open, since who may open a lock file can hold the lock. Where it cannot
// be made there is none.
//
// (Not on the database: closing any descriptor of a file drops the POSIX locks that SQLite keeps on it, and who may
// read it could hold it.)
#pragma once

#include <string>

#include "lineage/base/result.hpp"
#include "lineage/base/unique_fd.hpp"

namespace lineage::store {

/// Held while the descriptors are open.
struct WriterLock {
    base::UniqueFd of_name;
    base::UniqueFd of_inode;
};

/// `path` is the database's; it must exist.
base::Result<WriterLock> lock_for_writing(const std::string& path);

/// Fails while somebody holds the lock of that name. Makes no file, and keeps no lock.
base::Status nobody_writes(const std::string& path);

}  // namespace lineage::store
