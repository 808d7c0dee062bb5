// Whether somebody else has touched the database's files (FILE and FILE-wal): written to them, or taken them from their
// place. What is written while the owner writes is taken for the owner's, so it looks before each transaction and
// forgives after it. By inotify(7), which does not see what is written through a mapping; where there is none to be
// had, nothing is seen.
//
// Opened once, by path; after that it needs neither the path nor any right.
#pragma once

#include <array>
#include <string>

#include "lineage/base/unique_fd.hpp"

namespace lineage::store {

class FileWatch {
public:
    explicit FileWatch(const std::string& database);

    enum class Sight { untouched, written, moved };
    /// Since it was made, or forgave last. `moved`: renamed, removed or replaced.
    Sight look();
    /// What was written up to now was our own doing.
    void forgive();

private:
    void read_events();
    struct Watched {
        base::UniqueFd file;  ///< O_PATH: closing it drops no lock of SQLite's (fs/open.c, filp_flush)
        int number = -1;
    };
    base::UniqueFd inotify_;
    std::array<Watched, 2> files_;
    bool written_ = false;
    bool moved_ = false;
};

}  // namespace lineage::store
