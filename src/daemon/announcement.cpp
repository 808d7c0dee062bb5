#include "announcement.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <initializer_list>
#include <utility>

#include "lineage/base/codec.hpp"
#include "service_manager.hpp"

namespace lineage::daemon {

namespace {

void leave(std::initializer_list<int> terminal, int but) {
    const base::UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    for (const int fd : terminal)
        if (fd != but) ::dup2(null.get(), fd);
}

}  // namespace

/// What is to be said the launcher says, or the system's log: our children, too, let go of who waits for its output.
Announcement::Announcement(int ready_fd, base::UniqueFd launcher)
    : ready_fd_(ready_fd), launcher_(std::move(launcher)) {
    if (launcher_) leave({STDOUT_FILENO, STDERR_FILENO}, ready_fd_);
}

void Announcement::ready() {
    if (made_) return;
    made_ = true;
    constexpr std::string_view line = "ready\n";
    if (ready_fd_ >= 0) [[maybe_unused]]
        const auto told = ::write(ready_fd_, line.data(), line.size());
    ServiceManager::notify("READY=1");
    if (!launcher_) return;
    [[maybe_unused]] const auto told = ::write(launcher_.get(), "", 1);  // exit code 0
    launcher_.reset();
    leave({STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}, -1);
    [[maybe_unused]] const int done = ::chdir("/");
}

void Announcement::failed(const base::Error& error) {
    if (made_ || !launcher_) return;
    std::string message;
    base::Encoder out(message);
    out.put(static_cast<std::uint8_t>(error.exit));
    out.put_bytes(error.object);
    out.put_bytes(error.cause);
    [[maybe_unused]] const auto told = ::write(launcher_.get(), message.data(), message.size());
}

base::Status Announcement::await(int fd) {
    std::string message;
    for (;;) {
        char buffer[4096];
        const ssize_t size = ::read(fd, buffer, sizeof buffer);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) break;
        message.append(buffer, static_cast<std::size_t>(size));
    }
    if (message.empty()) return base::fail("lineaged", "it ended before it recorded anything");
    base::Decoder in(message);
    const auto exit = static_cast<base::ExitCode>(in.get<std::uint8_t>());
    if (exit == base::ExitCode::done) return {};
    std::string object(in.get_bytes());
    return base::fail(std::move(object), std::string(in.get_bytes()), exit);
}

}  // namespace lineage::daemon
