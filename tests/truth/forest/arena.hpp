// The truth, as the forest's processes write it: one record a life in memory that all of them share.
//
// A creator takes a slot for its child before the child exists, and writes there who made it, how and when; the child
// writes the rest about itself. No lock: slots and text are given out by an atomic addition, and every field has one
// writer. What a process is to do next lies in its record too, because it must survive an execve. The arena is a sparse
// unlinked file on a fixed descriptor that every process inherits.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

namespace forest {

constexpr int arena_fd = 200;
constexpr int memfd_fd = 201;      ///< this program, in a memfd opened for reading
constexpr int directory_fd = 202;  ///< where the program's copies, scripts and links are
constexpr int scene_fd = 198;      ///< write end of the pipe whose closing tells that a scene is over
constexpr std::uint32_t images_max = 6;
constexpr std::uint32_t unset_uid = 4294967295U;

enum class Road : std::uint8_t {
    root,
    worker,
    fork,
    raw_fork,
    vfork,
    posix_spawn,
    clone,
    clone_vfork,
    clone_parent,
    clone3,
    clone3_parent,
    thread_fork,
    clone_thread_fork,
    double_fork,
    subreaper,
    reuse,
    newpid,
    newpid3,
    unshare,
    setns,
    set_tid,
    init_takes,
    fork32,
    newuser,
    count
};
const char* name_of(Road road);

enum class Role : std::uint8_t {
    ordinary,
    orphan,         ///< waits until its creator is gone and it has a new parent
    middle,         ///< makes one orphan and leaves
    daemon_middle,  ///< the same after setsid
    subreaper,      ///< takes its orphaned grandchildren
    ns_init,        ///< pid 1 of a pid namespace; ends when released
    ns_taker,       ///< pid 1 of a pid namespace that dies with its processes still alive
    victim,         ///< waits for its death
    unsharer,       ///< unshares its pid namespace and fills it
    joiner,         ///< enters the pid namespace of `param` by setns and makes children there
    user_root,      ///< root in a user namespace, whose maps its creator writes
    short_lived,    ///< ends at once, to leave its pid to another
};

enum class ExecKind : std::uint8_t {
    plain,
    script,
    script_argument,
    memfd,
    fexecve,
    execveat,
    symlink,
    deleted,
    setuid,
    thread,
    exec32,  ///< by a 32-bit system call
    count
};
const char* name_of(ExecKind kind);

enum class EndKind : std::uint8_t { exit_group, exit, self_signal, fault, killed, killed_at_once, with_init, count };
const char* name_of(EndKind kind);

struct ImageRecord {
    std::uint64_t text = 0;  ///< offset of "exe\0arg\0arg\0" in the arena
    std::uint32_t bytes = 0;
    ExecKind kind = ExecKind::plain;
};

/// The one line of a user namespace's uid_map, which is its gid_map's as well: `count` ids from `outside` on are 0, 1,
/// ...
struct UserNamespace {
    bool entered = false;  ///< it is not the initial one
    std::uint32_t outside_uid = 0, outside_gid = 0;
    std::uint32_t count = 0;  ///< 0: no id has a number there
};

struct Record {
    // by the creator
    std::uint32_t parent = 0;
    Road road = Road::root;   ///< the call that made it
    Road label = Road::root;  ///< the kind of case it belongs to
    Role role = Role::ordinary;
    bool no_such_process = false;  ///< the birth failed
    std::int64_t before_ns = 0;    ///< CLOCK_REALTIME before the call that made it
    std::int64_t after_ns = 0;     ///< after it returned
    ImageRecord inherited;
    // what to do next: by the creator, then by the process
    std::uint64_t random = 0;
    std::uint32_t param = 0;  ///< a joiner's and an unsharer's init; the root's helper, a pid
    std::int32_t budget = 0;  ///< descendants it has to make
    std::uint8_t depth = 0;
    std::uint8_t steps = 0;  ///< execs, changes of identity and the like that are still to come
    std::uint8_t ns_depth = 0;
    std::uint8_t children_ns_depth = 0;
    // by the process
    std::int32_t pid = 0;     ///< in the initial namespace; by its creator too where it may die before it runs
    std::int32_t ns_pid = 0;  ///< 0 in the initial namespace
    std::int32_t ppid = 0;    ///< as the initial namespace sees it, where it is known to be final; else 0
    std::uint32_t uid = 0, euid = 0, gid = 0, egid = 0, auid = unset_uid;  ///< as the initial namespaces see them
    UserNamespace user_namespace;
    bool leader_left = false;  ///< its first thread has gone by exit(2)
    std::uint32_t failed_execs = 0;
    std::uint32_t image_count = 0;
    ImageRecord images[images_max];
    EndKind end = EndKind::exit_group;
    std::int32_t code = -1;
    std::int32_t signal = -1;
    // by who reaped it
    bool waited = false;
    std::int32_t wait_status = 0;
    std::atomic<std::uint32_t> ready{0};    ///< it has done all it had to but end
    std::atomic<std::uint32_t> release{0};  ///< it may end now
};

struct Header {
    std::atomic<std::uint32_t> slots{0};
    std::uint32_t slots_max = 0;
    std::uint64_t text_from = 0, text_to = 0;
    std::atomic<std::uint64_t> text_used{0};
    std::atomic<std::uint32_t> mistakes{0};  ///< what no process should have met; see mistake()
    char first_mistake[256] = {};
    bool exits_only = false;  ///< no end by a signal, no first thread that leaves
    std::uint64_t roads = 0;  ///< mask of the roads that may be taken
    char directory[192] = {};
};

extern Header* arena;

void create_arena(std::uint32_t slots_max, std::uint64_t text_bytes);
void attach_arena();
Record& record(std::uint32_t slot);
/// A new slot; ends the process where the arena is full.
std::uint32_t take_slot();
ImageRecord keep_image(const std::string& exe, const std::vector<std::string>& argv, ExecKind kind);
std::string text_of(const ImageRecord& image);
/// Notes that the generator itself went wrong: its truth is void, and main says so.
void mistake(const char* what, long detail);

std::int64_t now_ns();
std::int32_t host_pid();
std::uint64_t next_random(std::uint64_t& state);
void pause_us(unsigned microseconds);

}  // namespace forest
