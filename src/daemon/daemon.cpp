#include "lineage/daemon/daemon.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "announcement.hpp"
#include "recorder.hpp"

namespace lineage::daemon {

namespace {

/// What goes on in the background; the error it ends with is the launcher's to print.
[[noreturn]] void run_in_background(const Settings& settings, const Operator& to_whom, base::UniqueFd launcher) {
    ::setsid();
    Announcement announcement(settings.ready_fd, std::move(launcher));
    base::Status done;
    {
        Recorder recorder(settings, to_whom, announcement);
        done = recorder.run();
    }
    if (!done)
        announcement.failed(done.error());
    else if (!announcement.made())
        announcement.ready();  // the plugin's input ended first; all of it is recorded
    ::_exit(done ? 0 : static_cast<int>(done.error().exit));
}

}  // namespace

base::Status run(const Settings& given, const Operator& to_whom) {
    Settings settings = given;
    std::error_code error;
    settings.database = std::filesystem::absolute(given.database, error).string();
    if (settings.foreground) {
        Announcement announcement(settings.ready_fd, {});
        return Recorder(settings, to_whom, announcement).run();
    }
    int launch[2];
    if (::pipe2(launch, O_CLOEXEC) != 0) return base::fail_errno("start in the background", errno);
    const base::UniqueFd outcome(launch[0]);
    base::UniqueFd launcher(launch[1]);
    const pid_t pid = ::fork();
    if (pid < 0) return base::fail_errno("start in the background", errno);
    if (pid == 0) run_in_background(settings, to_whom, std::move(launcher));
    launcher.reset();
    return Announcement::await(outcome.get());
}

}  // namespace lineage::daemon
