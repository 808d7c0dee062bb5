// What happens while a golden test's log is recorded: a small, quick function for each trouble. Each waits for all its
// children, so that a recording that ends with it is whole.
#pragma once

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <initializer_list>
#include <vector>

namespace record {

extern const char* program;  ///< workload's second argument

inline void exec(std::initializer_list<const char*> words) {
    std::vector<char*> argv;
    for (const char* word : words) argv.push_back(const_cast<char*>(word));
    argv.push_back(nullptr);
    char* environment[] = {nullptr};
    ::execve(argv[0], argv.data(), environment);
}

template <class Run>
pid_t child(Run run) {
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    run();
    ::_exit(99);
}

inline void reap() {
    while (::waitpid(-1, nullptr, 0) > 0) {
    }
}

/// As a login does it: auid and session of what follows. Refused where they are set already and may not change.
void log_in(const char* auid);

// families.cpp
void vfork_child_first();
void daemonised_grandchild();
void subreaper();
void clone_parent();
void threads_clone3();
void main_thread_leaves();
void pid_used_again();
void interleaved();
void killed_by_signal();

// spaces.cpp
void pid_namespace();
void pid_namespace_joined();

// images.cpp
void argv_split();
void script_interpreter();
void failed_exec();
void files_without_a_name();
void exec_32_bit();
void shell_pipeline();

// identities.cpp
void setuid_no_exec();
void setuid_program();
void login_between_children();

}  // namespace record
