// actor DEED [ARGUMENT...]: does to itself what the case tests are about, where python cannot. What it did that others
// must know, it prints.
#include <cstdio>
#include <cstring>

#include "deeds.hpp"

int main(int argc, char** argv) {
    const struct {
        const char* name;
        int (*act)(int, char**);
    } deeds[] = {
        {"pause", actor::wait_for_the_end},
        {"leaf", actor::leaf},
        {"vfork", actor::slow_vfork},
        {"leader-leaves", actor::leader_leaves},
        {"thread-execs", actor::thread_execs},
        {"int80", actor::calls_of_32_bit},
        {"execveat", actor::execveat_relative},
        {"no-arguments", actor::no_arguments},
        {"become", actor::become},
        {"userns", actor::own_user_namespace},
        {"eat", actor::eat_memory},
        {"storm", actor::storm},
        {"chatter", actor::chatter},
    };
    for (const auto& deed : deeds)
        if (argc > 1 && std::strcmp(argv[1], deed.name) == 0) return deed.act(argc - 2, argv + 2);
    std::fprintf(stderr, "actor: no such deed\n");
    return 2;
}
