// The history on disk. A Writer applies the tracker's changes, in transactions that also carry the journal position
// they were derived from; a Reader answers. Both are interfaces that know no SQL: the SQLite ones live in src/store,
// their tables in schema/.
//
// One Writer at a time a database (a second is refused). Readers never block it nor wait for it.
// An instance is used by one thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lineage/base/result.hpp"
#include "lineage/model/forest.hpp"
#include "lineage/model/process.hpp"

namespace lineage::store {

/// How far the journal has been consumed, and the tracker's state at an earlier frame of it, from which the frames in
/// between are replayed (without applying their changes again).
struct Progress {
    std::uint64_t position = 0;  ///< of the first frame not yet consumed
    std::uint64_t checkpoint_position = 0;
    std::string checkpoint;  ///< empty: none
};

struct LastIds {
    model::Id process = 0;
    model::BootId boot = 0;
    model::Id gap = 0;
    model::Id tamper = 0;
    model::Id record = 0;
};

/// How much history is kept; 0: without bound.
struct Bounds {
    std::int64_t bytes_max = 0;    ///< of the database and its log; at least what the alive and the last minute take
    model::TimeNs age_ns_max = 0;  ///< since the end
    /// Of the kept events alone, which count among the database's bytes as well.
    std::int64_t records_bytes_max = 0;
    model::TimeNs records_age_ns_max = 0;
};

class Writer {
public:
    virtual ~Writer() = default;

    virtual base::Result<Progress> progress() = 0;
    virtual base::Result<LastIds> last_ids() = 0;

    /// Between begin() and commit(); errors of the calls between surface at commit(), which then leaves the database
    /// as it was. A busy database (someone imports) is waited for.
    virtual base::Status begin() = 0;
    virtual void put(const model::Boot& boot) = 0;
    virtual void put(const model::Process& process) = 0;               ///< inserts or replaces by id
    virtual void put(model::Id owner, const model::Image& image) = 0;  ///< inserts or replaces by (owner, seq)
    virtual void drop_images(model::Id owner, std::int32_t from_seq) = 0;
    virtual void put(model::Id owner,
                     const std::vector<model::Attempt>& attempts) = 0;  ///< replaces all of the owner's
    virtual void put(model::Id id, model::Id owner, const model::KeptEvent& event) = 0;  ///< inserts
    virtual void move_record(model::Id id, model::Id owner) = 0;
    virtual void drop(model::Id process) = 0;     ///< and all that hangs on it
    virtual void put(const model::Gap& gap) = 0;  ///< inserts or replaces by id; likewise:
    virtual void put(const model::Tamper& tamper) = 0;
    virtual void set_position(std::uint64_t position) = 0;
    virtual void set_checkpoint(std::uint64_t position, std::string_view state) = 0;
    /// Facts for `status`: a small set of names and values, e.g. "recorder.pid" -> "4242".
    virtual void set_fact(std::string_view name, std::string_view value) = 0;
    /// Removes a boot and everything in it (an import that is repeated).
    virtual void drop_boot(std::string_view name) = 0;
    /// How many processes the boots have that were imported, changes of the open transaction included.
    virtual std::int64_t processes_of_imports() = 0;
    virtual base::Status commit() = 0;
    virtual void rollback() = 0;

    /// Keeps the history within the bounds, a little with each call (some ms), in a transaction of its own: the dead
    /// go, whose end is longest ago first, never an ancestor of who is kept (of that a stub stays:
    /// schema/0004_bounds.sql), never who is alive; and the oldest kept events. True: there is more to do. A log grows
    /// beyond its share while a reader looks at it for long.
    virtual base::Result<bool> keep_within(const Bounds& bounds, model::TimeNs now_ns) = 0;
};

struct EventOfBoot {
    model::BootId boot = 0;
    model::KeptEvent event;
};

/// The order in which boots began: those of one host by their numbers, whatever its clock showed, and of several hosts
/// by the clock.
void put_in_order(std::vector<model::Boot>& boots);

class Reader {
public:
    virtual ~Reader() = default;

    virtual base::Result<std::optional<model::Node>> by_id(model::Id id) = 0;
    /// The latest life of `pid` that had begun at `at_ns` (in any boot, or the one given).
    virtual base::Result<std::optional<model::Node>> by_pid(model::Pid pid, model::TimeNs at_ns,
                                                            model::BootId boot = 0) = 0;
    /// The lives of `pid` that had begun at `until_ns`, in any boot, newest first (of one
    /// moment, that with the greater id), one at a time; without credentials
    /// and comm. Stop by returning false.
    virtual base::Status lives(model::Pid pid, model::TimeNs until_ns,
                               const std::function<bool(const model::Process&)>& take) = 0;
    /// Changes whenever someone has changed the database: what was read under another one may no longer be so.
    virtual base::Result<std::int64_t> version() = 0;
    /// The process that the audit event `serial` is about: born, ended or given an image by it, or an attempt at one,
    /// or it was kept on it. Each host counts for itself: of the boots (those given, or all) that have such an event
    /// within a second of `time_ns`, those whose event is nearest to it answer, each with its process, by ascending
    /// boot.
    virtual base::Result<std::vector<model::Node>> by_event(model::TimeNs time_ns, std::int64_t serial,
                                                            const std::vector<model::BootId>& boots = {}) = 0;
    /// The kept events of a process that are stamped no later than that, in the order in which they came.
    virtual base::Result<std::vector<model::KeptEvent>> records(model::Id owner, model::TimeNs until_ns) = 0;
    /// The kept events `serial` of all boots that are stamped within a second of `time_ns`.
    virtual base::Result<std::vector<EventOfBoot>> kept_at(model::TimeNs time_ns, std::int64_t serial) = 0;
    /// The creation parents of a process: its parent first, pid 0 last.
    virtual base::Result<std::vector<model::Node>> ancestors(model::Id id) = 0;
    /// Every process that matches, by ascending id, handed over one at a time (constant memory); stop by returning
    /// false.
    virtual base::Status select(const model::Filter& filter, const std::function<bool(model::Node&&)>& take) = 0;

    /// How far audit's count had come in that boot by then, as births and execs tell; 0: nothing tells.
    virtual base::Result<std::int64_t> serial_by(model::BootId boot, model::TimeNs time_ns) = 0;

    /// By ascending id.
    virtual base::Result<std::vector<model::Boot>> boots() = 0;
    /// The boots in order of their start (put_in_order), with what there is of each. Reads every process once.
    virtual base::Result<std::vector<model::BootExtent>> boot_extents() = 0;
    virtual base::Result<std::vector<model::Gap>> gaps(model::BootId boot = 0) = 0;
    virtual base::Result<std::vector<model::Tamper>> tampering(model::BootId boot = 0) = 0;
    virtual base::Result<std::map<std::string, std::string>> facts() = 0;

    struct Sizes {
        std::int64_t bytes = 0;
        std::int64_t processes = 0;
        std::int64_t alive = 0;
        std::int64_t images = 0;
        int schema_version = 0;
        std::optional<model::TimeNs> oldest_ns;
        std::optional<model::TimeNs> newest_ns;
    };
    virtual base::Result<Sizes> sizes() = 0;
};

/// Follows a history that grows: which processes have come to match. Reads for a moment at each look and holds nothing
/// in between, so it stands in no writer's way.
class Follower {
public:
    virtual ~Follower() = default;
    /// Those that have come to match since the last look, each once, by ascending id; none if nothing has changed. The
    /// first look passes over all that match already. Memory goes with the number of the alive.
    virtual base::Result<std::vector<model::Node>> look() = 0;
    /// Becomes readable when somebody writes to the database, look() empties it; -1: there is no such signal. What was
    /// written may become visible some milliseconds later.
    [[nodiscard]] virtual int signal_fd() const = 0;
    /// Another file stands at its path.
    [[nodiscard]] virtual bool replaced() const = 0;
};

// Files in trouble. What stands at a database's path is never overwritten: it gets a name of its own beside it,
// PATH.WHY- and the date, its log and index with it. Nobody may have the database open.

/// Is what was a history whole, as far as SQLite can tell by reading all of it? An error with Remedy::recovery: no.
base::Status check(const std::string& path);
/// Renames the database; returns its new path.
base::Result<std::string> set_aside(const std::string& path, std::string_view why);
/// The database that `file` is open on (for reading; its name may be gone) is to stand at `path` again, whatever stands
/// there now. Does nothing where it does already; else copies it, and sets aside what stands there.
base::Result<bool> put_back(const std::string& path, int file);

/// Creates the database where there is none; migrates an older schema; refuses a newer one, and a foreign file.
base::Result<std::unique_ptr<Writer>> open_writer(const std::string& path);
/// Never creates, migrates or writes.
base::Result<std::unique_ptr<Reader>> open_reader(const std::string& path);
/// Likewise. `filter`'s limit and depth do not count.
base::Result<std::unique_ptr<Follower>> open_follower(const std::string& path, const model::Filter& filter);

}  // namespace lineage::store
