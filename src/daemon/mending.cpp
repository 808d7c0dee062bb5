#include "mending.hpp"

#include <sys/stat.h>

#include "lineage/store/store.hpp"

namespace lineage::daemon {

namespace {

bool exists(const std::string& path) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0;
}

/// Can its first page be read? A file that never was a database, which a mistyped path names, has no log beside it.
bool is_damaged_database(const std::string& path) {
    if (!exists(path + "-wal") && !exists(path + "-shm")) return false;
    const auto reader = store::open_reader(path);
    return !reader && reader.error().remedy == base::Remedy::recovery;
}

}  // namespace

base::Result<std::string> mend_database(const std::string& path, base::Remedy remedy, int kept) {
    std::string done;
    if (kept >= 0 && remedy != base::Remedy::none) {
        const auto back = store::put_back(path, kept);
        if (back && *back) done = "database " + path + ": it was gone from its place and has been put back";
        if (!back) done = back.error().message() + "; the history begins anew with what the journal has";
    }
    bool damaged = remedy == base::Remedy::recovery || is_damaged_database(path);
    if (!damaged && remedy == base::Remedy::checking && exists(path)) {
        const auto checked = store::check(path);
        damaged = !checked && checked.error().remedy == base::Remedy::recovery;
        if (checked && done.empty()) done = "database " + path + ": another program wrote to its file; it is whole";
    }
    if (!damaged || !exists(path)) return done;
    const auto aside = store::set_aside(path, "damaged");
    if (!aside) return tl::unexpected(aside.error());
    return "database " + path + ": damaged; set aside as " + *aside +
           ", and built again from the journal; what that no longer has: lineage recover --from " + *aside;
}

}  // namespace lineage::daemon
