// fork_loop N: N times fork, exec of this program, exit and wait, one after another, for N / 2 on each of two workers;
// prints the loops a second of both. Static and without output in the child, so that what is timed is the kernel's
// work.
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace {

constexpr int workers = 2;

double seconds() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

[[noreturn]] void work(int count) {
    char name[] = "fork_loop", word[] = "a-child-of-the-loop", *argv[] = {name, word, nullptr}, *env[] = {nullptr};
    for (int i = 0; i < count; ++i) {
        const pid_t child = fork();
        if (child == 0) {
            execve("/proc/self/exe", argv, env);
            _exit(127);
        }
        int status = 0;
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0) _exit(1);
    }
    _exit(0);
}

}  // namespace

int main(int argc, char** argv) {
    const int count = argc == 2 ? std::atoi(argv[1]) : 0;
    if (count <= 0) return 0;  // a child of the loop
    const double began = seconds();
    for (int i = 0; i < workers; ++i)
        if (fork() == 0) work(count / workers);
    int failed = 0, status = 0;
    for (int i = 0; i < workers; ++i) failed += wait(&status) < 0 || status != 0;
    std::printf("%.1f\n", count / (seconds() - began));
    return failed == 0 ? 0 : 1;
}
