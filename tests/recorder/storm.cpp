// storm COUNT: COUNT processes born one after the other in each of two streams (fork and exit; posix_spawn of
// /bin/true), as fast as the machine goes.
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

namespace {

void fork_and_exit(long count) {
    for (long i = 0; i < count; ++i) {
        const pid_t child = ::fork();
        if (child == 0) ::_exit(static_cast<int>(i & 0x7f));
        if (child > 0) ::waitpid(child, nullptr, 0);
    }
}

void spawn_true(long count) {
    char name[] = "/bin/true";
    char mark[] = "storm";
    char* const argv[] = {name, mark, nullptr};
    char* const environment[] = {nullptr};
    for (long i = 0; i < count; ++i) {
        pid_t child = 0;
        if (::posix_spawn(&child, name, nullptr, nullptr, argv, environment) == 0) ::waitpid(child, nullptr, 0);
    }
}

}  // namespace

int main(int argc, char** argv) {
    const long count = argc > 1 ? std::atol(argv[1]) : 1000;
    const pid_t other = ::fork();
    if (other == 0) {
        fork_and_exit(count);
        ::_exit(0);
    }
    spawn_true(count);
    ::waitpid(other, nullptr, 0);
}
