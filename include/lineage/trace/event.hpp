// One audit event by its TIME:SERIAL: its records, wherever they are kept, and the processes that it is about.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lineage/base/result.hpp"
#include "lineage/query/history.hpp"
#include "lineage/render/event.hpp"

namespace lineage::trace {

/// Something that keeps the records of events.
class RecordSource {
public:
    virtual ~RecordSource() = default;
    struct Records {
        std::string host;  ///< whose those are that name none (node=), where that is known
        std::string text;  ///< a line each, as they were written
    };
    /// The records of every event `serial` that is stamped within a second of `time_ns`: each host counts for itself.
    virtual base::Result<std::vector<Records>> records(model::TimeNs time_ns, std::int64_t serial) = 0;
    /// "/var/log/audit/audit.log", for saying where they were looked for.
    [[nodiscard]] virtual std::string name() const = 0;
};

/// `path`, and where it is rotated path.1, path.2, ..., plain or .gz, the newest first.
std::unique_ptr<RecordSource> log_records(std::string path);

/// Those that the database keeps of what is no fork, exec or exit.
std::unique_ptr<RecordSource> kept_records(store::Reader& reader);

struct EventAnswer {
    render::TracedEvent traced;
    bool has_records = false;
};
/// Of the events of this serial the one stamped nearest to `time_ns`, among those of `host` where that is given
/// (records that name no host are of it). What there is of it; nothing at all: ExitCode::nothing_matched, with where it
/// was looked for; on several hosts alike: ExitCode::usage, with their names. A source that cannot be read fails only
/// where the answer is in no other.
base::Result<EventAnswer> event_of(store::Reader& reader, model::TimeNs time_ns, std::int64_t serial,
                                   const std::vector<std::unique_ptr<RecordSource>>& sources,
                                   const std::string& host = {});

}  // namespace lineage::trace
