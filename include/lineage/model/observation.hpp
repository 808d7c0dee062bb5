// What a witness says happened: the tracker's whole input. Audit, the connector and procfs each translate their own
// records into these; nothing in them knows the source's format.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "lineage/model/kept_event.hpp"
#include "lineage/model/process.hpp"

namespace lineage::model {

/// For whom a task acts: who once logged in, and the session that began with it. The kernel numbers sessions
/// (ascending, none twice in one boot) as it sets them; they are inherited, and change by a LOGIN record alone.
struct Login {
    std::uint32_t auid = unset_uid;
    std::uint32_t ses = unset_uid;
};

/// What every audit record about a task tells of it. `time_ns` is the coarse clock at system call entry: never later
/// than the fact, and up to one tick (10 ms at most) plus the time the call took earlier.
struct AuditHeader {
    TimeNs time_ns = 0;
    std::int64_t serial = 0;                   ///< the kernel's; 0: auditd counted, not the kernel
    Pid pid = 0;                               ///< thread group, initial pid namespace
    Pid ppid = -1;                             ///< -1 where the record does not tell
    std::optional<Credentials> credentials{};  ///< after the call
    std::optional<Login> login{};              ///< of a record that tells no more (USER_*); of LOGIN: the one before
    std::string comm{};
    std::string exe{};
    [[nodiscard]] std::optional<Login> acts_for() const {
        return credentials ? Login{credentials->auid, credentials->ses} : login;
    }
};

struct AuditFork {
    AuditHeader task;  ///< the caller
    How how = How::unknown;
    Pid returned = 0;                    ///< the child's pid in the caller's pid namespace
    std::optional<std::uint64_t> flags;  ///< clone's; clone3's are not in the record
};

struct AuditExec {
    AuditHeader task;
    bool success = true;
    int error = 0;  ///< errno of a failed one
    std::vector<std::string> argv;
    std::string cwd;
    std::string path;  ///< the name that was asked for (PATH item 0)
};

struct AuditExit {
    AuditHeader task;
    std::int32_t code = 0;  ///< 0..255
    bool group = true;      ///< exit_group; exit(2) ends one thread only
};

/// Any other record that says who a task is: setuid, unshare, someone else's rule.
struct AuditStatement {
    AuditHeader task;
    bool new_pid_namespace = false;     ///< unshare(CLONE_NEWPID): later children are born in a new one
    bool joined_pid_namespace = false;  ///< setns that may have been to one: later children are born in another
    bool subreaper = false;             ///< prctl(PR_SET_CHILD_SUBREAPER, 1)
    std::int32_t fd = -1;               ///< what setns was given
};

/// A namespace's file was opened (/proc/PID/ns/*, namespaces(7)), for setns perhaps.
struct AuditNamespaceOpened {
    enum class Kind : std::uint8_t { unknown, pid, pid_for_children, other };
    AuditHeader task;
    std::int32_t fd = -1;
    std::uint64_t inode = 0;  ///< the namespace's
    Kind kind = Kind::unknown;
    Pid of = 0;  ///< whose, as that /proc numbers them; 0: the name does not tell
};

/// LOGIN: the task's auid and session were set.
struct AuditLogin {
    AuditHeader task;
    Login set;
};

/// CONFIG_CHANGE: audit's rules or settings were changed, or that was refused (audit_log_rule_change in
/// kernel/auditfilter.c, audit_log_config_change in kernel/audit.c).
struct AuditConfigChange {
    AuditHeader task;  ///< pid 0: the event has no system call record (the audit daemon's own calls never have)
    std::uint32_t auid = unset_uid;
    std::uint32_t ses = unset_uid;
    enum class What : std::uint8_t { other, rule_added, rule_removed, setting } what = What::other;
    std::uint32_t list = 0;  ///< of a rule: AUDIT_FILTER_*
    std::string name;        ///< a rule's key, a setting's name ("audit_enabled", "lost", ...)
    std::int64_t value = 0;  ///< of a setting, from then on
    std::int64_t old = 0;    ///< until then
    bool success = false;
    TimeNs received_ns = 0;  ///< when its record came: it had been made by then; 0: not told
};

/// ANOM_ABEND: the task is being killed by a signal of its own making.
struct AuditAbend {
    AuditHeader task;
    std::int32_t signal = 0;
};

/// A system call that sent a signal, with those that it went to (OBJ_PID: audit_signal_info_syscall in
/// kernel/auditsc.c, which names them only while some rule is about such calls).
struct AuditSignal {
    AuditHeader task;  ///< the sender
    std::int32_t signal = 0;
    std::vector<Pid> targets;  ///< thread groups
};

/// An event that says no more than that there is this process: who sent a message (USER_*), was denied something, ...
struct AuditNamed {
    AuditHeader task;  ///< stamp, pid and login alone
};

/// An event whose records are kept. It follows what the same event says otherwise, if anything.
struct AuditKept {
    AuditHeader task;  ///< stamp and pid alone; pid 0: the records name nobody
    KeptEvent event;
};

/// Process connector events (linux/cn_proc.h). `time_ns` is CLOCK_MONOTONIC as the kernel stamped it.
struct ConnectorFork {
    TimeNs time_ns = 0;
    Pid parent_tgid = 0;  ///< the kernel's parent: with CLONE_PARENT and for threads not the caller
    Pid child_tid = 0;
    Pid child_tgid = 0;  ///< equal to child_tid for a new process
};
struct ConnectorExec {
    TimeNs time_ns = 0;
    Pid tid = 0;
    Pid tgid = 0;
};
struct ConnectorId {
    TimeNs time_ns = 0;
    Pid tid = 0;
    Pid tgid = 0;
    bool group = false;  ///< gid and egid, else uid and euid
    std::uint32_t real = unset_uid;
    std::uint32_t effective = unset_uid;
};
struct ConnectorComm {
    TimeNs time_ns = 0;
    Pid tid = 0;
    Pid tgid = 0;
    std::string comm;
};
struct ConnectorCoredump {
    TimeNs time_ns = 0;
    Pid tid = 0;
    Pid tgid = 0;
};
struct ConnectorExit {
    TimeNs time_ns = 0;
    Pid tid = 0;
    Pid tgid = 0;
    std::uint32_t wait_status = 0;  ///< as wait(2) returns it
    Pid parent_tgid = -1;           ///< the kernel's parent at that moment; -1 where the kernel does not tell
};

/// One process as /proc showed it.
struct Seen {
    TimeNs read_ns = 0;     ///< CLOCK_REALTIME just before it was read
    TimeNs started_ns = 0;  ///< from starttime: true to one USER_HZ tick (10 ms)
    Pid pid = 0;
    Pid ppid = 0;
    bool kernel_thread = false;
    bool zombie = false;
    Credentials credentials;
    std::string comm;
    std::string exe;
    std::string cwd;
    std::vector<std::string> argv;
    std::vector<Pid> ns_pids;  ///< NSpid: outermost first; one element in the initial namespace
    /// The namespaces' inodes (ns/pid and ns/pid_for_children, namespaces(7)): its own, and where its children are
    /// born.
    std::uint64_t pid_namespace = 0;  ///< 0: cannot be read
    std::uint64_t pid_namespace_of_children = 0;
    std::vector<Pid> tids;
};

/// Control facts (see Control in frame.hpp).
struct BootBegan {
    std::string name;
    std::string host;
    TimeNs started_ns = 0;
    TimeNs real_minus_mono_ns = 0;
    bool imported = false;
    TimeNs time_ns = 0;  ///< when capture began to record; 0 in an imported log
};
struct ClockChanged {
    TimeNs real_minus_mono_ns = 0;
    TimeNs real_minus_boot_ns = 0;  ///< CLOCK_REALTIME - CLOCK_BOOTTIME; 0: not told
    TimeNs time_ns = 0;             ///< when it was noticed, by the clock as it is now; 0: not told
};
struct ConnectorUp {
    TimeNs time_ns = 0;
};  ///< CLOCK_REALTIME
struct ConnectorDown {};
struct ConnectorDrained {
    TimeNs time_ns = 0;
};  ///< CLOCK_MONOTONIC
struct SnapshotBegan {
    TimeNs time_ns = 0;
};
struct SnapshotEnded {
    TimeNs began_ns = 0;
};
struct AuditUp {
    bool alone = true;
    bool was_in_force = true;  ///< our rules, before: what was done to the recording then counts
    TimeNs time_ns = 0;
    Pid recorder = 0;  ///< what it changes is no deed; 0: not told
};
struct Resumed {
    TimeNs time_ns = 0;
    Pid recorder = 0;
};
/// Nothing has come for a while: what was to come has.
struct Idle {
    TimeNs time_ns = 0;
};
struct AuditDown {};
/// A picture of audit's state that capture took.
struct AuditLook {
    TimeNs asked_ns = 0;
    TimeNs answered_ns = 0;
    std::int64_t excludes = 0;  ///< rules in the exclude list
};
/// What capture found wrong it tells as Tampered, after this or before.
struct AuditLooked : AuditLook {
    AuditLook before;  ///< the look before this one, told or not; all 0: there was none
};
struct Lost {
    Witness witness = Witness::audit;
    TimeNs from_ns = 0;
    TimeNs to_ns = 0;
    std::optional<std::int64_t> count;
    std::string why;
};
struct Stopped {
    TimeNs time_ns = 0;
};
/// Capture found the recording weakened. One that goes on, or comes again soon, is told again with the same `episode`
/// and kind: the last word counts.
struct Tampered {
    TimeNs found_ns = 0;  ///< first
    Weakness kind = Weakness::rules_removed;
    TimeNs from_ns = 0;  ///< all was well then
    TimeNs to_ns = 0;    ///< undone; 0: not
    TimeNs told_ns = 0;  ///< now
    std::int64_t times = 1;
    Pid recorder = 0;  ///< who undid it: what it changes is no deed
    Pid by = 0;        ///< who did it, where that is known without a record
    std::string what;
    std::int64_t episode = 0;  ///< which of its kind: the same in every word on it, even if a clock is set meanwhile
};

using Observation =
    std::variant<AuditFork, AuditExec, AuditExit, AuditStatement, AuditLogin, AuditAbend, AuditSignal, ConnectorFork,
                 ConnectorExec, ConnectorId, ConnectorComm, ConnectorCoredump, ConnectorExit, Seen, BootBegan,
                 ClockChanged, ConnectorUp, ConnectorDown, ConnectorDrained, SnapshotBegan, SnapshotEnded, AuditUp,
                 AuditDown, AuditLooked, Resumed, Idle, Lost, Stopped, AuditConfigChange, Tampered,
                 AuditNamespaceOpened, AuditNamed, AuditKept>;

}  // namespace lineage::model
