#include "writer_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdlib>
#include <utility>

#include "lineage/base/run_directory.hpp"

namespace lineage::store {
namespace {

// Who says in the lock file that it holds the lock: " (pid 4242)", or nothing.
std::string holder(int fd) {
    char text[16] = {};
    const auto size = ::pread(fd, text, sizeof text - 1, 0);
    const auto pid = size > 0 ? std::atoi(text) : 0;
    return pid > 0 ? " (pid " + std::to_string(pid) + ")" : std::string();
}

tl::unexpected<base::Error> written(const std::string& path, int lock) {
    return base::fail("database " + path, "another lineage is writing to it" + holder(lock));
}

/// "" with errno: the database is not there.
std::string lock_path_of(const std::string& path) {
    char real[PATH_MAX];
    return ::realpath(path.c_str(), real) == nullptr ? "" : std::string(real) + ".lock";
}

base::Result<base::UniqueFd> lock_inode(const std::string& path) {
    struct stat status {};
    if (::geteuid() != 0 || ::stat(path.c_str(), &status) != 0) return base::UniqueFd();
    base::UniqueFd fd(
        ::open(base::in_run_directory("writers.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) return base::UniqueFd();
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = static_cast<off_t>((std::uint64_t{status.st_dev} << 40 ^ status.st_ino) & INT64_MAX >> 1);
    lock.l_len = 1;
    if (::fcntl(fd.get(), F_OFD_SETLK, &lock) != 0 && (errno == EAGAIN || errno == EACCES))
        return base::fail("database " + path, "another lineage is writing to it, under this name or another");
    return fd;
}

}  // namespace

base::Result<WriterLock> lock_for_writing(const std::string& path) {
    const auto lock_path = lock_path_of(path);
    if (lock_path.empty()) return base::fail_errno("open " + path, errno);
    base::UniqueFd fd(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) return base::fail_errno("open " + lock_path, errno);
    // flock and not fcntl: it also tells two writers of one process apart (flock(2)).
    while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EINTR) continue;
        if (errno != EWOULDBLOCK) return base::fail_errno("lock " + lock_path, errno);
        return written(path, fd.get());
    }
    const auto pid = std::to_string(::getpid()) + "\n";
    // The pid is only for the message above; the lock holds without it.
    if (::ftruncate(fd.get(), 0) == 0) static_cast<void>(::pwrite(fd.get(), pid.data(), pid.size(), 0));
    auto of_inode = lock_inode(path);
    if (!of_inode) return tl::unexpected(of_inode.error());
    return WriterLock{std::move(fd), std::move(*of_inode)};
}

base::Status nobody_writes(const std::string& path) {
    const base::UniqueFd fd(::open(lock_path_of(path).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!fd || ::flock(fd.get(), LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK) return {};
    return written(path, fd.get());
}

}  // namespace lineage::store
