// Keeps the audit log's writer running for the recorder, and tells of its troubles.
#pragma once

#include <cstdint>

#include "lineage/base/unique_fd.hpp"
#include "lineage/capture/capture.hpp"
#include "lineage/daemon/daemon.hpp"
#include "lineage/settings/settings.hpp"
#include "log_process.hpp"
#include "troubles.hpp"

namespace lineage::daemon {

class LogKeeper {
public:
    /// What is in `settings` when a writer is started counts for it.
    LogKeeper(const Settings& settings, const Operator& to_whom, Troubles& troubles)
        : settings_(settings), operator_(to_whom), troubles_(troubles) {}

    /// Where a log is wanted. Only who is the audit daemon writes one. `from`: the journal's end, before this run.
    base::Status start(bool is_audit_daemon, std::uint64_t from);
    void attach(capture::Capture& capture);
    /// Some child has ended.
    void on_child_end();
    /// Has the writer end where the journal ends now; while capture runs another one goes on from there.
    void begin_anew() const { writer_.stop(); }
    /// What is missing when it does not end in time is in the journal still, for the next one.
    void finish(int wait_ms) { (void)writer_.finish(wait_ms); }

private:
    void spawn();
    void on_news();
    void tell(const base::Status& status);

    const Settings& settings_;
    const Operator& operator_;
    Troubles& troubles_;
    LogProcess writer_;
    std::uint64_t from_ = 0;
    base::UniqueFd timer_;
    capture::Capture* capture_ = nullptr;
};

}  // namespace lineage::daemon
