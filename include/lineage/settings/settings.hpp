// What lineaged is told: by lineage.toml (TOML 1.0), and over it by the command line. Every value is checked; a mistake
// is reported as FILE:LINE: what is wrong, and a key that does not exist is one. lineage.toml(5) says what each key
// does.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/base/result.hpp"

namespace lineage::settings {

enum class SourceChoice : std::uint8_t { automatic, netlink, multicast, plugin, connector };

/// Where a value stands is no part of it: any two are equal.
struct Origins : std::map<std::string, std::string> {
    bool operator==(const Origins&) const { return true; }
};

struct Settings {
    // The command line's alone.
    bool foreground = false;
    int ready_fd = -1;

    std::string database = "/var/lib/lineage/lineage.db";  ///< db
    std::string journal_dir;                               ///< empty: beside the database, see journal()
    SourceChoice source = SourceChoice::automatic;
    int queue_bytes = 16 << 20;           ///< receive buffer of each of the two sockets
    std::uint32_t backlog_limit = 65536;  ///< records that the kernel keeps for us
    std::uint32_t backlog_wait_ms = 100;  ///< how long a task may wait for room among them; see lineaged(8)
    int commit_ms = 100;                  ///< how often what was derived goes to the database
    int sync_ms = 1000;                   ///< what was received is safe from power loss after so long

    std::uint64_t journal_bytes_max = 1ULL << 30;  ///< journal.max_size

    std::uint64_t history_bytes_max = 0;    ///< history.max_size; 0: no bound
    std::uint64_t history_seconds_max = 0;  ///< history.max_age; 0: no bound

    std::uint64_t records_bytes_max = 256ULL << 20;  ///< records.max_size; 0: no bound
    std::uint64_t records_seconds_max = 0;           ///< records.max_age; 0: no bound

    std::string audit_log_file;                   ///< audit_log.file; empty: none is written
    std::uint64_t audit_log_bytes_max = 8 << 20;  ///< audit_log.max_size: it is rotated then
    int audit_log_files = 5;                      ///< audit_log.files

    bool rules = true;                          ///< rules.install
    bool rules_lock = false;                    ///< rules.lock
    int rules_check_ms = 1000;                  ///< rules.check_ms
    std::uint32_t rules_heartbeat_s = 10;       ///< rules.heartbeat_s; 0: none
    std::uint32_t rules_alarm_interval_s = 60;  ///< rules.alarm_interval_s

    std::string tracker_user = "lineage";  ///< user.tracker

    /// "FILE:LINE" by key, for what stands in a file and nothing overrode.
    Origins origins;

    bool operator==(const Settings&) const = default;

    /// Where the journal is: by default beside the database, its extension replaced by ".journal".
    [[nodiscard]] std::string journal() const;
};

/// Read when it exists and no --config is given.
constexpr const char* default_config = "/etc/lineage/lineage.toml";

/// Puts what `path` says over `settings`. On failure they are as they were.
base::Status read_config(const std::string& path, Settings& settings);
/// The same with `text` for what `path` holds.
base::Status read_config_text(const std::string& path, std::string_view text, Settings& settings);
/// The keys whose values differ and take effect only when lineaged is started anew.
std::vector<std::string> keys_for_restart(const Settings& running, const Settings& wanted);
/// `running` with those of `wanted`'s values that take effect at once.
Settings with_live(const Settings& running, const Settings& wanted);

}  // namespace lineage::settings
