// workload CASE [PROGRAM]   does what the golden test of that name has recorded; `workload` lists the cases.
#include <cstdio>
#include <cstring>

#include "cases.hpp"

namespace {

using namespace record;

struct Case {
    const char* name;
    void (*run)();
};
constexpr Case cases[] = {
    {"vfork-child-first", vfork_child_first},
    {"daemonised-grandchild", daemonised_grandchild},
    {"argv-split-over-records", argv_split},
    {"script-interpreter", script_interpreter},
    {"failed-exec", failed_exec},
    {"setuid-no-exec", setuid_no_exec},
    {"killed-by-signal", killed_by_signal},
    {"pid-namespace", pid_namespace},
    {"threads-clone3", threads_clone3},
    {"no-eoe", shell_pipeline},
    {"interleaved", interleaved},
    {"32-bit-exec", exec_32_bit},
    {"subreaper", subreaper},
    {"clone-parent", clone_parent},
    {"main-thread-leaves", main_thread_leaves},
    {"pid-used-again", pid_used_again},
    {"files-without-a-name", files_without_a_name},
    {"setuid-program", setuid_program},
    {"login-between-children", login_between_children},
    {"pid-namespace-joined", pid_namespace_joined},
};

}  // namespace

const char* record::program = nullptr;

int main(int argc, char** argv) {
    if (argc > 2) program = argv[2];
    for (const auto& one : cases) {
        if (argc < 2)
            std::puts(one.name);
        else if (std::strcmp(argv[1], one.name) == 0) {
            // In a child: the program itself was forked by the audit daemon, whose own calls are never recorded.
            child([&] {
                log_in("1000");
                one.run();
                ::_exit(0);
            });
            reap();
            return 0;
        }
    }
    return argc < 2 ? 0 : 2;
}
