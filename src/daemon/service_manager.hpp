// The service manager as sd_notify(3), sd_listen_fds(3) and sd_watchdog_enabled(3) describe it, spoken directly: it is
// told how we are, and keeps descriptors for whoever it starts after us. Where there is none, nothing of this does
// anything.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "lineage/base/unique_fd.hpp"

namespace lineage::daemon {

class ServiceManager {
public:
    /// What the environment says is meant for this process; descriptors handed over are no longer named in it.
    ServiceManager();

    [[nodiscard]] bool is_there() const;
    /// `state` as in sd_notify(3), with a descriptor where one goes with it.
    static void notify(std::string_view state, int fd = -1);
    /// From now on it also holds `fd`, and hands it to our successor under `name`.
    static void keep(std::string_view name, int fd);
    static void forget(std::string_view name);
    /// Waits until it has done what it was told so far.
    static void await_done();
    /// What it kept from an earlier run; none where nothing was.
    base::UniqueFd take(const std::string& name);
    /// It takes us for dead when not told for so long that we live; 0: it does not look.
    [[nodiscard]] int watchdog_ms() const { return watchdog_ms_; }

private:
    std::map<std::string, base::UniqueFd> kept_;
    int watchdog_ms_ = 0;
};

}  // namespace lineage::daemon
