// Says once that recording has begun, to everyone who waits for it: the descriptor of --ready-fd, the service manager
// (sd_notify(3)), and the process that started us in the background.
#pragma once

#include "lineage/base/result.hpp"
#include "lineage/base/unique_fd.hpp"

namespace lineage::daemon {

class Announcement {
public:
    /// `launcher`: where the process in the foreground waits; none when we are it.
    Announcement(int ready_fd, base::UniqueFd launcher);

    void ready();
    /// It did not come to that. Does nothing after ready().
    void failed(const base::Error& error);
    [[nodiscard]] bool made() const { return made_; }

    /// The launcher's side: what the process in the background came to.
    static base::Status await(int fd);

private:
    int ready_fd_;
    base::UniqueFd launcher_;
    bool made_ = false;
};

}  // namespace lineage::daemon
