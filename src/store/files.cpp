// A database's files in trouble: whole or not, out of the way, and back in their place.
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "lineage/base/unique_fd.hpp"
#include "lineage/store/store.hpp"
#include "schema.hpp"
#include "sqlite.hpp"

namespace lineage::store {
namespace {

constexpr const char* parts[] = {"", "-wal", "-shm"};

bool exists(const std::string& path) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0;
}

/// PATH.WHY-20261121T163000Z, and a number behind it where that is taken.
std::string free_name(const std::string& path, std::string_view why) {
    const time_t now = ::time(nullptr);
    tm utc{};
    char date[32];
    ::strftime(date, sizeof date, "%Y%m%dT%H%M%SZ", ::gmtime_r(&now, &utc));
    const auto base = path + "." + std::string(why) + "-" + date;
    auto name = base;
    for (int number = 1; exists(name); ++number) name = base + "-" + std::to_string(number);
    return name;
}

base::Status copy(int from, int to, const std::string& path) {
    struct stat status {};
    if (::fstat(from, &status) != 0) return base::fail_errno("read " + path, errno);
    if (::fchown(to, status.st_uid, status.st_gid) != 0 || ::fchmod(to, status.st_mode & 07777) != 0)
        return base::fail_errno("write " + path, errno);
    off_t at = 0;
    while (at < status.st_size) {
        const auto copied = ::copy_file_range(from, &at, to, nullptr, static_cast<std::size_t>(status.st_size - at), 0);
        if (copied < 0 && errno != EINTR) return base::fail_errno("copy " + path, errno);
        if (copied == 0) break;  // it became shorter
    }
    if (::fsync(to) != 0) return base::fail_errno("write " + path, errno);
    return {};
}

}  // namespace

base::Status check(const std::string& path) {
    Database database(path, path, SQLITE_OPEN_READWRITE);  // not read-only: it may have to recover its log first
    Statement rows(database, "PRAGMA quick_check(1)");
    const bool answered = rows.start().next();
    auto verdict = answered ? rows.text(0) : std::string();
    rows.stop();
    if (auto status = database.take_failure(); !status) return status;
    if (verdict == "ok") {
        // To SQLite a file that was cut to nothing is a database that has no tables yet.
        const auto version = schema_version(database, migrations());
        if (!version) return tl::unexpected(version.error());
        if (*version != 0) return {};
        verdict = "emptied";
    }
    return tl::unexpected(
        base::Error{base::ExitCode::unreadable, "database " + path, "damaged: " + verdict, base::Remedy::recovery});
}

base::Result<std::string> set_aside(const std::string& path, std::string_view why) {
    const auto name = free_name(path, why);
    for (const char* part : parts) {
        const auto from = path + part;
        if (::rename(from.c_str(), (name + part).c_str()) != 0 && errno != ENOENT)
            return base::fail_errno("set aside " + from, errno);
    }
    return name;
}

base::Result<bool> put_back(const std::string& path, int file) {
    struct stat ours {};
    struct stat there {};
    if (::fstat(file, &ours) != 0) return base::fail_errno("read " + path, errno);
    const bool something = ::lstat(path.c_str(), &there) == 0;
    if (something && there.st_dev == ours.st_dev && there.st_ino == ours.st_ino) return false;
    const auto unfinished = path + ".new";
    const base::UniqueFd to(::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640));
    if (!to) return base::fail_errno("create " + unfinished, errno);
    auto done = copy(file, to.get(), unfinished);
    // The log of the one that went away is of no use to its copy, and is not to be taken for its own.
    if (done && (something || exists(path + "-wal") || exists(path + "-shm")))
        if (auto aside = set_aside(path, "displaced"); !aside) done = tl::unexpected(aside.error());
    if (done && ::rename(unfinished.c_str(), path.c_str()) != 0) done = base::fail_errno("rename " + unfinished, errno);
    if (!done) {
        ::unlink(unfinished.c_str());
        return tl::unexpected(done.error());
    }
    return true;
}

}  // namespace lineage::store
