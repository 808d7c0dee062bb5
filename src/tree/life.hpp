// One life of one pid, as the tracker holds it while it is alive and for a while after: the process as it will be
// stored, and what is needed to place records that come later.
#pragma once

#include <limits>
#include <vector>

#include "lineage/model/observation.hpp"
#include "lineage/model/process.hpp"

namespace lineage::tree {

/// A signal that a record says was sent to a process.
struct SignalSent {
    model::TimeNs time_ns = 0;
    std::int64_t serial = 0;
    std::int32_t signal = 0;
    model::Id by = 0;
};

/// A file of a pid namespace that it opened.
struct OpenedSpace {
    model::TimeNs time_ns = 0;
    std::int32_t fd = -1;
    std::int32_t space = 0;  ///< Tracker::State::no_space: a namespace of another kind
};

struct ThreadBirth {
    model::TimeNs time_ns = 0;
    model::Pid tid = 0;
};

/// A kept event of it, by which a later word may find that it was another's.
struct RecordOf {
    model::TimeNs time_ns = 0;
    model::Id id = 0;
};

struct Life {
    model::Process process;
    std::vector<model::Image> images;  ///< its own, in order of time
    std::vector<model::Attempt> attempts;
    std::vector<RecordOf> records;  ///< recent ones

    // What is known of its beginning.
    model::TimeNs first_seen_ns = 0;                                     ///< of the first fact; the birth is not later
    model::TimeNs acted_ns = std::numeric_limits<model::TimeNs>::max();  ///< of its own first deed, likewise
    model::Pid kernel_parent = -1;  ///< whom the connector named as parent at birth
    model::Id inherited_owner = 0;  ///< the image that it had at birth
    std::int32_t inherited_seq = 0;
    bool by_kernel = false;  ///< a user-mode helper: of its first image no audit record tells
    bool phantom = false;    ///< clone3 returned its pid, but it may be a thread: no record of its own yet

    // How fresh the last known values are: an audit record is stamped with the time of system call entry, so a
    // connector event of a later time knows better.
    model::TimeNs uids_ns = 0;  ///< of the connector's word; 0: it has told nothing of them
    model::TimeNs gids_ns = 0;
    model::TimeNs ppid_ns = 0;
    model::Pid left_ppid = -1;  ///< the parent whose death changed ppid to what is only a guess at the reaper
    model::TimeNs comm_ns = 0;
    model::TimeNs exact_ns = 0;      ///< the connector's time of the newest fact that an audit record was matched with
    std::int64_t stated_serial = 0;  ///< newest audit record that told its credentials
    bool stated = false;             ///< its credentials were told by a record of its own, not inherited
    bool login_told = false;         ///< its auid and session were

    // Threads, as far as the connector or /proc told. Empty: only the leader is known.
    std::vector<model::Pid> tids;
    std::vector<ThreadBirth> thread_births;  ///< recent ones, to tell threads from children among clone3's results
    std::int32_t possible_threads = 0;       ///< audit alone: children by clone3 that never said a word

    // Pid namespaces.
    std::int32_t space = 0;           ///< 0: the initial one; else an index into the tracker's, from 1
    bool space_known = false;         ///< `space` is what a record or /proc told, not what its parent's suggests
    std::int32_t children_space = 0;  ///< since unshare or setns: where its children are born; 0: in its own
    model::Pid number = 0;            ///< its own there; 0: not known, or the initial one
    bool number_known = false;        ///< told, not foretold
    std::vector<OpenedSpace> opened;  ///< the last ones
    bool subreaper = false;
    std::vector<model::AuditFork> nameless;  ///< its children's births, until they are known by their global pid

    bool has_signal = false;  ///< a thread of it ended by a signal, which only a whole process can
    std::uint32_t signal_status = 0;
    std::vector<SignalSent> signals;  ///< one of each kind, the one that it would have died of

    bool has_exit_record = false;  ///< the last exit or exit_group record
    bool exit_is_group = false;
    model::TimeNs exit_ns = 0;
    std::int64_t exit_serial = 0;
    std::int32_t exit_code = 0;

    model::TimeNs seen_ns = 0;  ///< when /proc last showed it

    // Kept by Population.
    Life* parent = nullptr;  ///< the creation parent's life, while it is in memory
    Life* first_child = nullptr;
    Life* next_sibling = nullptr;
    Life* previous_sibling = nullptr;
    bool changed = false;
    bool stored = false;  ///< the sink has been told of it
    std::int32_t images_changed_from = std::numeric_limits<std::int32_t>::max();
    std::int32_t images_stored = 0;
    bool attempts_changed = false;

    [[nodiscard]] bool birth_known() const { return process.born.witnesses != 0; }
    [[nodiscard]] bool claimed() const { return has(process.born.witnesses, model::Witness::audit); }
    /// No record has named its parent: it hangs under the nearest known ancestor.
    [[nodiscard]] bool parent_untold() const {
        return !birth_known() &&
               (process.inferred == model::Inferred::parent_unknown || process.inferred == model::Inferred::named_only);
    }
    [[nodiscard]] bool alive() const { return !process.ended.has_value(); }
    /// exit(2) was its last word, and with audit alone that is taken for its end until another record comes.
    [[nodiscard]] bool ended_by_thread_exit() const {
        return !alive() && has_exit_record && !exit_is_group && process.ended->witnesses == only(model::Witness::audit);
    }
    /// The earliest time at which it can have been alive.
    [[nodiscard]] model::TimeNs from_ns() const { return birth_known() ? process.born.time_ns : first_seen_ns; }
};

}  // namespace lineage::tree
