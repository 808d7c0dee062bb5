// What one process of the forest does between its birth and its end, all of it drawn from the random state in its
// record.
#pragma once

#include "arena.hpp"
#include "calls32.hpp"

namespace forest {

/// This process: set at its birth, and again by a new image.
struct Self {
    std::uint32_t slot = 0;
    bool threads_allowed = true;  ///< not after unshare or setns of a pid namespace (EINVAL, copy_process)
    bool raw_cloned = false;      ///< made behind glibc's back, which has another tid in mind: no pthread here
    bool on_thread = false;       ///< the first thread has left; this is another
};
extern Self self;

inline Record& me() {
    return record(self.slot);
}
std::uint64_t draw(std::uint64_t below);
inline bool chance(unsigned percent) {
    return draw(100) < percent;
}

// life.cpp
[[noreturn]] void begin_life(std::uint32_t slot,
                             bool raw_cloned);  ///< first thing in a child that returned from a fork
void note_birth(std::uint32_t slot);            ///< who I am, written into that record; changes no memory of our own
[[noreturn]] void go_on_living();               ///< in a new image, or on another thread

// identity.cpp
void note_identity(Record& of);
bool privileged();  ///< root in the initial user namespace
bool may_change_identity();
void change_identity();
void log_in();
void unshare_users();                  ///< a user namespace with our own ids at most; the machine may forbid it
UserNamespace some_users();            ///< one with many ids
void give_users(const Record& child);  ///< writes its maps, where we are privileged

// roads.cpp
bool road_exists(Road road);  ///< on this kind of machine
void make_some_child();       ///< out of our own budget, by a road that is possible here

// births.cpp
/// Starts a thread that goes on with our life; the caller is to leave or to sleep for ever.
void hand_over_to_thread(int (*go_on)(void*));

// families.cpp: what stands around a birth
/// Makes a child by that road, with so many processes in its family in all, itself and helpers included.
void make_child(Road road, int total);
void make_orphan();                   ///< for a middle: with all that is left of the budget
void make_middle();                   ///< for a subreaper
void make_victims();                  ///< for a namespace init; returns when they wait
void enter_namespace_for_children();  ///< for an unsharer and a joiner; the unsharer's first child is the init
void release_init();                  ///< for an unsharer, when all its other children are gone
void reap_all();

// execs.cpp
struct Exec {
    ExecKind kind = ExecKind::plain;
    std::string path;  ///< empty: descriptor `fd` itself
    int fd = -1;       ///< -1: path as it is
    std::vector<std::string> argv;
    std::string slot_variable;
    std::vector<char*> argv_pointers, env_pointers;
    LowExec low;  ///< for a 32-bit call
};
/// Decides an exec for `slot` and writes the image that it will be into its record.
void prepare_exec(std::uint32_t slot, Exec& exec, bool in_place);
[[noreturn]] void run_exec(Exec& exec);
void drop(Exec& exec);  ///< what its creator still holds of an exec that a child made
void fail_an_exec();
void exec_now();
void make_files(const char* program);  ///< the copies, scripts and links that execs need
void remove_files();

// ends.cpp
[[noreturn]] void end_life();
[[noreturn]] void wait_for_death();
void decide_end(std::uint32_t slot, bool ns_init);
[[noreturn]] void carry_out_end();

}  // namespace forest
