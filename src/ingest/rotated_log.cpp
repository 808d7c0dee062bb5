#include "rotated_log.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace lineage::ingest {

namespace {

constexpr mode_t permissions = 07777;
constexpr mode_t reading = 0440;
constexpr std::uint64_t read_back_bytes_max = 256U << 20;

base::Result<std::string> read_from(int fd, const std::string& path, std::uint64_t offset) {
    std::string bytes;
    char block[65536];
    for (;;) {
        const ssize_t got = ::pread(fd, block, sizeof block, static_cast<off_t>(offset + bytes.size()));
        if (got < 0) return base::fail_errno("read " + path, errno);
        if (got == 0 || bytes.size() > read_back_bytes_max) return bytes;
        bytes.append(block, static_cast<std::size_t>(got));
    }
}

}  // namespace

base::Status RotatedLog::open() {
    struct stat found {};
    if (file_ && ::stat(path_.c_str(), &found) == 0 && found.st_ino == inode_) return {};
    base::UniqueFd file(::open(path_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode_));
    if (!file || ::fstat(file.get(), &found) != 0) return base::fail_errno("open " + path_, errno);
    if (!S_ISREG(found.st_mode)) return base::fail("open " + path_, "is not a regular file");
    file_ = std::move(file);
    inode_ = found.st_ino;
    bytes_ = static_cast<std::uint64_t>(found.st_size);
    mode_ = found.st_mode & permissions;
    return {};
}

base::Status RotatedLog::write(std::string& lines) {
    if (auto opened = open(); !opened) return opened;
    std::size_t done = 0;
    base::Status status;
    while (status && done < lines.size()) {
        // Up to the end of the line with which FILE comes to its bound.
        const auto room = bounds_.file_bytes_max - std::min(bytes_, bounds_.file_bytes_max);
        const auto last = done + std::max<std::uint64_t>(room, 1) - 1;
        const auto newline = last < lines.size() ? lines.find('\n', last) : std::string::npos;
        const auto end = newline == std::string::npos ? lines.size() : newline + 1;
        const ssize_t written = ::write(file_.get(), lines.data() + done, end - done);
        if (written < 0) {
            status = base::fail_errno("write " + path_, errno);
            break;
        }
        done += static_cast<std::size_t>(written);
        bytes_ += static_cast<std::uint64_t>(written);
        const bool at_line_end = written > 0 && lines[done - 1] == '\n';
        if (at_line_end && bounds_.files > 1 && bytes_ >= bounds_.file_bytes_max) status = rotate();
    }
    lines.erase(0, done);
    return status;
}

base::Status RotatedLog::rotate() {
    for (int number = bounds_.files - 1; number > 0; --number) {
        const auto from = name(number - 1);
        if (::rename(from.c_str(), name(number).c_str()) != 0 && errno != ENOENT)
            return base::fail_errno("rotate " + from, errno);
    }
    if (::fchmod(file_.get(), mode_ & reading) != 0) return base::fail_errno("rotate " + path_, errno);
    return open();
}

base::Status RotatedLog::sync() {
    if (!file_ || ::fdatasync(file_.get()) == 0) return {};
    return base::fail_errno("write " + path_, errno);
}

base::Result<std::string> RotatedLog::since(ino_t inode, std::uint64_t offset) const {
    std::string found;
    for (int number = 0; number < bounds_.files; ++number) {
        const base::UniqueFd file(::open(name(number).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
        struct stat status {};
        if (!file || ::fstat(file.get(), &status) != 0) continue;
        const bool is_it = status.st_ino == inode;
        auto bytes = read_from(file.get(), name(number), is_it ? offset : 0);
        if (!bytes) return bytes;
        found.insert(0, *bytes);
        if (is_it) return found;
    }
    return std::string();
}

bool RotatedLog::torn() const {
    char last = '\n';
    if (bytes_ > 0) static_cast<void>(::pread(file_.get(), &last, 1, static_cast<off_t>(bytes_ - 1)));
    return last != '\n';
}

}  // namespace lineage::ingest
