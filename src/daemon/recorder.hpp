// One run of the recorder, in the process that holds the sockets: opens everything in an order in which a failure
// leaves nothing changed, runs capture, looks after the tracker, and puts everything back.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "announcement.hpp"
#include "journal_sync.hpp"
#include "kept.hpp"
#include "lineage/capture/audit_hold.hpp"
#include "lineage/capture/capture.hpp"
#include "lineage/capture/rule_guard.hpp"
#include "lineage/daemon/daemon.hpp"
#include "lineage/journal/journal.hpp"
#include "lineage/settings/settings.hpp"
#include "log_keeper.hpp"
#include "service_manager.hpp"
#include "stall_watch.hpp"
#include "tracker_process.hpp"
#include "troubles.hpp"

namespace lineage::daemon {

class Recorder {
public:
    Recorder(const Settings& settings, const Operator& to_whom, Announcement& announcement);
    Recorder(const Recorder&) = delete;
    Recorder& operator=(const Recorder&) = delete;
    ~Recorder();

    base::Status run();

private:
    class JournalSink;

    base::Status prepare();
    base::Status choose_source();
    base::Status begin_capture();
    base::Status hold_audit(base::UniqueFd socket, bool alone);
    base::Status open_connector();
    base::Status open_audit();
    base::Status begin();
    base::Status start_heartbeat();
    void repair(model::Witnesses missing);
    base::Status end();
    void take_back_audit();
    void drain_audit();
    void give_back_registration();
    void watch_progress();
    void look_at_tracker(std::int64_t now_ns);
    [[nodiscard]] bool has_all() const;
    /// The service manager hands `fd` to our successor.
    void keep(const char* name, int fd) const;
    std::map<std::string, std::string> facts() const;

    void look_after_tracker();
    void on_news();
    void on_signal();
    void on_tracker_end();
    void tell_of_database(const base::Status& status);
    void reload();
    void respawn_later();
    void respawn();
    void spawn_tracker();

    Settings settings_;
    const Operator& operator_;
    Announcement& announcement_;
    ServiceManager manager_;
    Kept kept_;
    bool goes_on_ = false;       ///< an earlier run's sockets are all there: nothing is missing since it ended
    bool handing_over_ = false;  ///< and so it is to be with ours
    Troubles troubles_;
    SourceChoice source_;
    std::string boot_;
    model::TimeNs boot_started_ns_ = 0;
    base::UniqueFd signals_;
    base::UniqueFd respawn_timer_;
    std::optional<journal::Writer> journal_;
    std::optional<JournalSync> sync_;
    StallWatch stall_watch_;
    TrackerProcess tracker_;
    LogKeeper log_;
    std::unique_ptr<JournalSink> sink_;
    std::unique_ptr<capture::Capture> capture_;
    std::optional<capture::AuditHold> hold_;
    std::optional<capture::RuleGuard> guard_;
    std::optional<capture::HeartbeatHelper> helper_;
    bool registered_ = false;
    std::int64_t watchdog_told_ns_ = 0;
    std::string connector_fact_ = "off";
    base::Status failure_;  ///< what ended the run early, or could not be put back
    std::int64_t since_ns_ = 0;
    model::TimeNs good_ns_ = 0;  ///< an earlier capture was well then
    std::int64_t spawned_at_ns_ = 0;
    int respawn_pause_ms_ = 0;
    bool tracker_stands_ = false;
};

}  // namespace lineage::daemon
