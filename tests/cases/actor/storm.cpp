// WORKERS LIVES MILLISECONDS_MAX: forks as fast as it goes. Each worker makes one child after another, in turn one that
// ends, one that execs `actor leaf WORKER.N CODE` and one that makes a child of its own, and waits for each. The truth
// comes out at the end, a line a worker's child, in order of birth within a worker:
//   WORKER_PID CHILD_PID CODE KIND BORN_NS GRANDCHILD_PID        KIND: 0 ends, 1 execs, 2 forks
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

#include "deeds.hpp"

namespace actor {

namespace {

struct Birth {
    pid_t child = 0;
    pid_t grandchild = 0;
    std::int64_t before_ns = 0;
};

std::int64_t now_ns() {
    timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

int code_of(int worker, int n) {
    return (worker * 31 + n * 7) % 256;
}

[[noreturn]] void live(Birth& birth, int worker, int n) {
    const int code = code_of(worker, n);
    if (n % 3 == 1) {
        const std::string tag = std::to_string(worker) + "." + std::to_string(n);
        execl("/proc/self/exe", "actor", "leaf", tag.c_str(), std::to_string(code).c_str(), nullptr);
        _exit(98);
    }
    if (n % 3 == 2) {
        const pid_t grandchild = fork();
        if (grandchild == 0) _exit(255 - code);
        birth.grandchild = grandchild;
        if (grandchild > 0) waitpid(grandchild, nullptr, 0);
    }
    _exit(code);
}

[[noreturn]] void work(Birth* births, int worker, int lives, std::int64_t until_ns) {
    for (int n = 0; n < lives && now_ns() < until_ns; ++n) {
        births[n].before_ns = now_ns();
        const pid_t child = fork();
        if (child == 0) live(births[n], worker, n);
        if (child < 0) _exit(1);
        births[n].child = child;
        waitpid(child, nullptr, 0);
    }
    _exit(0);
}

}  // namespace

int storm(int count, char** words) {
    if (count < 3) return 2;
    const int workers = std::atoi(words[0]);
    const int lives = std::atoi(words[1]);
    const std::int64_t until_ns = now_ns() + std::atoll(words[2]) * 1'000'000;
    const auto slots = static_cast<std::size_t>(workers) * static_cast<std::size_t>(lives);
    auto* const births = static_cast<Birth*>(
        mmap(nullptr, slots * sizeof(Birth), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    pid_t pids[16] = {};
    if (births == MAP_FAILED || workers > 16) return 2;
    for (int worker = 0; worker < workers; ++worker) {
        pids[worker] = fork();
        if (pids[worker] == 0) work(births + worker * lives, worker, lives, until_ns);
    }
    int failed = 0;
    for (int worker = 0, status = 0; worker < workers; ++worker)
        failed |= waitpid(pids[worker], &status, 0) < 0 || status != 0;
    for (int worker = 0; worker < workers; ++worker)
        for (int n = 0; n < lives && births[worker * lives + n].child != 0; ++n) {
            const Birth& birth = births[worker * lives + n];
            std::printf("%d %d %d %d %lld %d\n", pids[worker], birth.child, code_of(worker, n), n % 3,
                        static_cast<long long>(birth.before_ns), birth.grandchild);
        }
    return failed;
}

}  // namespace actor
