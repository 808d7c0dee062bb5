#include "output.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>

#include "ending.hpp"

namespace lineage::cli {
namespace {

constexpr std::size_t buffer_bytes = 64U << 10;

/// A symbolic link stays one: what it points to is replaced.
std::string without_links(const std::string& path) {
    char* const real = realpath(path.c_str(), nullptr);
    const std::string found = real == nullptr ? path : real;
    std::free(real);
    return found;
}

/// Is there room, or within a second?
bool is_read(int fd) {
    constexpr int wait_ms = 1000;
    pollfd room{fd, POLLOUT, 0};
    return ::poll(&room, 1, wait_ms) > 0;
}

}  // namespace

base::Result<Output> Output::open(const std::string& path) {
    if (path.empty() || path == "-") return Output("standard output", ::dup(STDOUT_FILENO));
    struct stat there {};
    const bool exists = ::stat(path.c_str(), &there) == 0;
    Output output(path, -1);
    if (exists && !S_ISREG(there.st_mode)) {
        output.fd_.reset(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    } else {
        output.target_ = without_links(path);
        const auto temporary = fmt::format("{}.{}.new", output.target_, ::getpid());
        output.fd_.reset(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
        if (output.fd_) output.temporary_ = temporary;
        if (output.fd_ && exists && ::fchmod(output.fd_.get(), there.st_mode & 07777) != 0) {
            return base::fail_errno("write " + path, errno);
        }
    }
    if (!output.fd_) return base::fail_errno("write " + path, errno);
    return output;
}

Output::~Output() {
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

bool Output::write(std::string_view bytes) {
    buffer_ += bytes;
    if (buffer_.size() >= buffer_bytes) flush();
    return error_ == 0;
}

void Output::flush() {
    std::string_view left = buffer_;
    while (!left.empty() && error_ == 0) {
        // Who is to end does not wait for a reader that does not read. So much goes in where there is room at all.
        const bool in_a_hurry = end_wanted();
        if (in_a_hurry && !is_read(fd_.get())) {
            error_ = EPIPE;
            break;
        }
        const auto written =
            ::write(fd_.get(), left.data(), in_a_hurry ? std::min<std::size_t>(left.size(), PIPE_BUF) : left.size());
        if (written >= 0) {
            left.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno != EINTR) {
            error_ = errno;
        }
    }
    buffer_.clear();
}

base::Status Output::finish() {
    flush();
    if (error_ == EPIPE) return {};
    if (error_ == 0 && !temporary_.empty()) {
        if (::fsync(fd_.get()) != 0 || std::rename(temporary_.c_str(), target_.c_str()) != 0) error_ = errno;
    }
    if (error_ != 0) return base::fail_errno("write " + name_, error_);
    temporary_.clear();
    return {};
}

}  // namespace lineage::cli
