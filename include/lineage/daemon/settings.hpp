// What lineaged is told: by its command line, and by a file of `key = value` lines (# begins a comment) for what seldom
// changes. A mistake in the file names its line.
#pragma once

#include <cstdint>
#include <string>

#include "lineage/base/result.hpp"

namespace lineage::daemon {

enum class SourceChoice : std::uint8_t { automatic, netlink, multicast, plugin, connector };

struct Settings {
    std::string database = "/var/lib/lineage/lineage.db";
    SourceChoice source = SourceChoice::automatic;
    bool foreground = false;
    bool rules = true;
    int ready_fd = -1;
    int queue_bytes = 16 << 20;           ///< receive buffer of each of the two sockets
    std::uint32_t backlog_limit = 8192;   ///< records that the kernel keeps for us
    std::uint32_t backlog_wait_ms = 100;  ///< how long a task may wait for room among them; see lineaged(8)
    std::uint64_t journal_bytes_max = 1ULL << 30;
    int commit_ms = 100;
};

/// Puts what `path` says over `settings`.
base::Status read_config(const std::string& path, Settings& settings);
/// The journal's directory: beside the database, its extension replaced by ".journal".
std::string journal_of(const std::string& database);

}  // namespace lineage::daemon
