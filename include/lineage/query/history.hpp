// Which process an audit event is about, and what that process and its ancestors had run by then.
//
// A pid is never a key: of the lives that a pid has had in the boot that ran then, the one whose time from birth to end
// holds the event, by serial where the kernel counted the event and audit saw birth and end, else by time. Serials
// count within one boot; an event's stamp is the coarse clock at the beginning of its system call, so it is never later
// than the fact, and up to a tick (10 ms at most) earlier.
//
// What has been read is kept, within bounds, until the database changes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lineage/base/result.hpp"
#include "lineage/model/event.hpp"
#include "lineage/store/store.hpp"

namespace lineage::query {

/// An event's stamp, and the host that its record names (node=), if any.
struct EventStamp {
    std::string_view node;
    model::TimeNs time_ns = 0;
    std::int64_t serial = 0;  ///< the kernel's; 0: it counted none, so that time alone tells
};

enum class Role {
    subject,  ///< it made the event, so it lived
    object    ///< it was named in it: it may have been dead, as long as nobody had taken its pid
};

/// Why an event has no process.
enum class Unplaced {
    no_pid_named,
    no_such_life,  ///< no process in the database had that pid then
    unknown_host,  ///< the database has nothing of the host that the record names
    several_hosts  ///< more than one host of the database had that pid then, and the record names none
};
constexpr std::size_t unplaced_count = 4;
const char* text_of(Unplaced why);  ///< "name no process", to go behind a number of events

class Histories {
public:
    using See = std::function<void(const model::Process&)>;
    /// `host`: whose an event is that names none; empty: anybody's. `see` is told of each process of a history as it is
    /// read, at least once.
    explicit Histories(store::Reader& reader, std::string host = {}, See see = {})
        : reader_(reader), host_(std::move(host)), see_(std::move(see)) {}

    /// To be called now and then: forgets what was read if the database has changed.
    base::Status refresh();

    struct Place {
        model::Id process = 0;  ///< 0: none, for this reason:
        Unplaced why = Unplaced::no_such_life;
        bool in_namespace = false;  ///< in a pid namespace of its own, so the pids that it knows are other ones
    };
    base::Result<Place> place(const EventStamp& stamp, model::Pid pid, Role role);

    /// From pid 0 down to `process`: each image that had been put into it by the event, of an ancestor by the births of
    /// all below it, too; a process without images by then has one entry of its own.
    base::Result<std::vector<model::HistoryEntry>> history(model::Id process, const EventStamp& stamp);

private:
    struct KnownImage {
        model::TimeNs time_ns = 0;
        std::int64_t serial = 0;
        bool only_read = false;  ///< from /proc: it was there by time_ns, nobody saw since when
        std::string comm, exe;
    };
    struct Known {
        model::Process process;
        std::string exe;  ///< of the image that it runs
        std::vector<KnownImage> images;
    };
    struct Run {
        model::Boot boot;
        model::TimeNs from_ns = 0, until_ns = 0;  ///< as its pid 0 lived
    };
    /// Of each host the boot that ran then. Where by the clock it may be one of several (a clock that was behind when
    /// the later one began), it is the one whose count of events was nearest to the event's serial.
    base::Result<std::vector<const Run*>> running(const EventStamp& stamp, std::string_view node);
    base::Result<std::int64_t> distance(const Run& run, const EventStamp& stamp);
    base::Result<const Known*> known(model::Id id);
    base::Status read_boots();

    store::Reader& reader_;
    std::string host_;
    See see_;
    std::int64_t version_ = -1;
    std::vector<Run> runs_;                                                  ///< by descending number
    std::map<std::pair<model::BootId, std::int64_t>, std::int64_t> counts_;  ///< by boot and moment
    std::unordered_map<model::Id, Known> processes_;
};

}  // namespace lineage::query
