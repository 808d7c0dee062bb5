// The nouns of the history: process, image, credentials, gap, boot. Plain data, shared by the tracker that derives
// it, the store that keeps it and the renderers that show it.
//
// Units: times are signed 64-bit nanoseconds since the Unix epoch, UTC. An absent number is std::nullopt or, inside
// Credentials, the kernel's own "unset" value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lineage::model {

using Id = std::int64_t;      ///< names one process (boot, pid, birth) in one database; 0 is nobody
using BootId = std::int64_t;  ///< names one boot in one database; the kernel's own name is Boot::name
using Pid = std::int32_t;     ///< in the initial pid namespace
using TimeNs = std::int64_t;
/// No time, and no difference of clocks, is taken from outside that is not within [0, this] (the year 2096): whatever a
/// hostile journal says, the sum of two of them and some slack stays within 64 bits.
constexpr TimeNs time_ns_max = 4'000'000'000'000'000'000;

constexpr std::uint32_t unset_uid = 4294967295U;  ///< audit's "unset" for auid and ses (include/linux/audit.h)

/// Who a task is. Field names as in audit's SYSCALL record (audit_log_task_info in kernel/audit.c).
struct Credentials {
    std::uint32_t uid = unset_uid;
    std::uint32_t gid = unset_uid;
    std::uint32_t euid = unset_uid;
    std::uint32_t egid = unset_uid;
    std::uint32_t auid = unset_uid;
    std::uint32_t ses = unset_uid;
    std::string tty;  ///< "pts0"; empty where there is none

    bool operator==(const Credentials&) const = default;
};

/// How a process came to be. The order is part of the schema.
enum class How : std::uint8_t { unknown, fork, vfork, clone, clone3, boot, snapshot, kernel };
const char* name_of(How how);

/// The sources that can see a fact; a set of them is a bit mask.
enum class Witness : std::uint8_t { audit = 1, connector = 2, procfs = 4 };
using Witnesses = std::uint8_t;
const char* name_of(Witness witness);
constexpr Witnesses operator|(Witnesses set, Witness one) {
    return static_cast<Witnesses>(set | static_cast<Witnesses>(one));
}
constexpr Witnesses only(Witness one) {
    return static_cast<Witnesses>(one);
}
constexpr bool has(Witnesses set, Witness one) {
    return (set & static_cast<Witnesses>(one)) != 0;
}

/// Why a link or a fact is inferred, not seen. The order is part of the schema.
enum class Inferred : std::uint8_t {
    no,
    parent_from_ppid,  ///< the fork was not seen; the parent is who the kernel called parent at the first record
    parent_unknown,    ///< nothing named the parent; hung under the nearest ancestor that is known
    named_only,        ///< known only because a record names it as a parent or child; it has no record of its own
    exit_of_thread,    ///< ended by exit(2), which alone does not tell a thread's end from a process's
    before_us,         ///< it was there before the recorder; the parent is whom /proc called so
};
const char* text_of(Inferred why);  ///< nullptr for `no`

/// What one successful execve put into a process.
struct Image {
    std::int32_t seq = 0;  ///< 0, 1, ... within its process, in order of time
    TimeNs time_ns = 0;
    std::int64_t serial = 0;  ///< of the audit event; 0 where audit did not see it
    std::string exe;          ///< the file that runs (for a script its interpreter)
    std::string script;       ///< the file that was asked for, where it is not exe: a script, a symlink; else empty
    std::string comm;
    std::string cwd;
    std::vector<std::string> argv;
    Credentials credentials;
    Witnesses witnesses = 0;

    bool operator==(const Image&) const = default;
};

/// An execve or execveat that failed. Not kept is what a successful one ends as a search: the attempts right before it
/// that found no such file (ENOENT, ENOTDIR), under other paths to the same last name, as execvp and shells make them
/// along PATH. Of one process the newest `attempts_max` are kept, with the numbers that they have among all.
struct Attempt {
    std::int32_t seq = 0;  ///< 0, 1, ... within its process, in order of time
    TimeNs time_ns = 0;
    std::int64_t serial = 0;
    std::string
        path;  ///< the file that was asked for; empty where the record does not tell (a bad pointer, a descriptor)
    std::int32_t error = 0;  ///< errno
    std::string cwd;

    bool operator==(const Attempt&) const = default;
};
constexpr std::size_t attempts_max = 64;

struct Birth {
    TimeNs time_ns = 0;
    std::int64_t serial = 0;  ///< 0 where audit did not see it
    How how = How::unknown;
    Witnesses witnesses = 0;

    bool operator==(const Birth&) const = default;
};

/// Exactly one of code and signal is set when the end was seen; neither when only the disappearance was.
struct End {
    TimeNs time_ns = 0;
    std::int64_t serial = 0;
    std::optional<std::int32_t> code;  ///< 0..255
    std::optional<std::int32_t> signal;
    bool core_dumped = false;
    Witnesses witnesses = 0;
    Id by = 0;  ///< the process that sent the signal; 0: no record tells

    bool operator==(const End&) const = default;
};

/// One life of one pid. `parent` is the creation parent and never changes for what the kernel does; `ppid` is the pid
/// that the kernel last called the parent. `credentials` and `comm` are as last known.
struct Process {
    Id id = 0;
    BootId boot = 0;
    Pid pid = 0;
    std::optional<Pid> ns_pid;  ///< in its own pid namespace, where that is not the initial one
    Id parent = 0;              ///< 0 for the root (pid 0) alone
    Pid ppid = 0;
    Birth born;
    std::optional<End> ended;
    Credentials credentials;
    std::string comm;
    bool kernel_thread = false;
    Inferred inferred = Inferred::no;
    /// The image it runs: (owner, seq) of an image of its own or of the ancestor whose image it inherited at its
    /// birth; owner 0 where none is known.
    Id image_owner = 0;
    std::int32_t image_seq = 0;

    bool operator==(const Process&) const = default;
};

/// One run of the kernel on one host.
struct Boot {
    BootId id = 0;
    std::string name;  ///< /proc/sys/kernel/random/boot_id, or a stable name derived from an imported log
    std::string host;
    TimeNs started_ns = 0;
    bool imported = false;

    bool operator==(const Boot&) const = default;
};

/// What a database holds of a boot.
struct BootExtent {
    Boot boot;
    std::int64_t processes = 0;
    std::optional<TimeNs> recorded_from_ns;  ///< the first birth that audit or the connector saw; none: all inferred
    TimeNs last_seen_ns = 0;                 ///< the latest birth, or end that a witness saw
    bool over = false;                       ///< a later boot of the same recorder has begun, or the log ended it

    bool operator==(const BootExtent&) const = default;
};

/// An interval in which something was lost.
struct Gap {
    Id id = 0;
    BootId boot = 0;
    TimeNs from_ns = 0;
    TimeNs to_ns = 0;
    std::optional<std::int64_t> lost;  ///< how many records, where the witness tells
    Witness witness = Witness::audit;
    std::string why;

    bool operator==(const Gap&) const = default;
};

/// What weakened the recording. The order is part of the journal's format.
enum class Weakness : std::uint8_t {
    rules_removed,
    rules_outranked,   ///< a rule of somebody else's in front of ours
    tasks_exempted,    ///< a never rule of the task list: who is born under it is never audited
    records_excluded,  ///< a rule of the exclude list that drops records of ours
    disabled,
    backlog_limit,
    backlog_wait,
    rate_limit,
    registration,  ///< we are no more the audit daemon
    lost_reset,    ///< the kernel's count of lost records
};

/// The recording was weakened, and by whom. The interval in which it was impaired is a Gap as well.
struct Tamper {
    Id id = 0;
    BootId boot = 0;
    TimeNs time_ns = 0;  ///< of the deed where a record tells of it, else when it was found
    std::string what;
    Id by = 0;              ///< the process that did it; 0: not known
    bool inferred = false;  ///< no record names `by`: it is the one that was about audit then
    Pid pid = 0;            ///< of `by`; 0: not known
    std::uint32_t auid = unset_uid;
    TimeNs from_ns = 0;      ///< impaired since; at the earliest, where no record tells of the deed
    TimeNs to_ns = 0;        ///< undone; 0: it could not be
    std::int64_t times = 1;  ///< how often it had to be undone, before it stayed so

    bool operator==(const Tamper&) const = default;
};

}  // namespace lineage::model
