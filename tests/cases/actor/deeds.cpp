#include "deeds.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <thread>

namespace actor {

namespace {

constexpr const char* self = "/proc/self/exe";

void sleep_ms(long milliseconds) {
    timespec left{milliseconds / 1000, milliseconds % 1000 * 1'000'000};
    while (nanosleep(&left, &left) != 0) {
    }
}

int code_of(pid_t child) {
    int status = 0;
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) return 99;
    return WEXITSTATUS(status);
}

}  // namespace

int wait_for_the_end(int, char**) {
    for (;;) pause();
}

int leaf(int count, char** words) {
    return count > 1 ? std::atoi(words[1]) : 0;
}

int slow_vfork(int, char** words) {
    const long milliseconds = 1000 * std::atol(words[0]);
    // The child runs on this stack while we stand still, so what it changes must not be needed afterwards.
    const pid_t child = vfork();
    if (child == 0) {
        sleep_ms(milliseconds);
        execl(self, "actor", "leaf", "vforked", "5", nullptr);
        _exit(98);
    }
    std::printf("%d\n", child);
    return code_of(child);
}

int leader_leaves(int, char**) {
    std::thread([] {
        sleep_ms(300);
        const pid_t child = fork();
        if (child == 0) _exit(8);
        std::printf("%d\n", child);
        std::fflush(stdout);
        waitpid(child, nullptr, 0);
        sleep_ms(100);
        _exit(9);
    }).detach();
    syscall(SYS_exit, 3);
    return 97;
}

int thread_execs(int, char**) {
    std::thread([] {
        execl(self, "actor", "leaf", "by-thread", "6", nullptr);
        _exit(98);
    }).join();
    return 97;
}

#if defined(__x86_64__)
namespace {

/// The 32-bit table's call from a 64-bit program: arguments are cut to 32 bits.
long int80(long number, long first, long second, long third) {
    long result = number;
    asm volatile("int $0x80" : "+a"(result) : "b"(first), "c"(second), "d"(third) : "memory", "r8", "r9", "r10", "r11");
    return static_cast<int>(result);
}

}  // namespace

int calls_of_32_bit(int, char**) {
    constexpr long fork_32 = 2, execve_32 = 11, exit_32 = 1;  // asm/unistd_32.h
    struct Low {
        char path[16];
        std::uint32_t argv[3];
        char word[16];
    };
    auto* const low = static_cast<Low*>(
        mmap(nullptr, sizeof(Low), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0));
    std::strcpy(low->path, "/bin/true");
    std::strcpy(low->word, "by int80");
    const auto address = [](const void* of) {
        return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(of));
    };
    low->argv[0] = address(low->path);
    low->argv[1] = address(low->word);
    const auto child = static_cast<pid_t>(int80(fork_32, 0, 0, 0));
    if (child == 0) {
        int80(execve_32, address(low->path), address(low->argv), 0);
        _exit(98);
    }
    std::printf("%d\n", child);
    std::fflush(stdout);
    if (code_of(child) != 0) return 96;
    int80(exit_32, 11, 0, 0);
    return 97;
}
#else
int calls_of_32_bit(int, char**) {
    return 77;
}
#endif

int execveat_relative(int, char** words) {
    const int folder = open(words[0], O_PATH | O_DIRECTORY);
    char name[] = "relative";
    char* argv[] = {name, nullptr};
    syscall(SYS_execveat, folder, words[1], argv, environ, 0);
    return 98;
}

int no_arguments(int, char** words) {
    char* argv[] = {nullptr};
    syscall(SYS_execve, words[0], argv, environ);
    return 98;
}

int become(int count, char** words) {
    const auto uid = static_cast<uid_t>(std::atoi(words[0]));
    if (setresuid(uid, uid, uid) != 0) return 96;
    if (count < 2) return 0;
    execv(words[1], words + 1);
    return 98;
}

int own_user_namespace(int, char**) {
    const uid_t outside = geteuid();
    if (unshare(CLONE_NEWUSER) != 0) return 96;
    const int map = open("/proc/self/uid_map", O_WRONLY);
    const std::string line = "0 " + std::to_string(outside) + " 1\n";
    if (write(map, line.data(), line.size()) < 0 || getuid() != 0) return 95;
    const pid_t child = fork();
    if (child == 0) _exit(4);
    std::printf("%d\n", child);
    return code_of(child);
}

int eat_memory(int, char**) {
    constexpr std::size_t step = 1 << 20;
    for (std::size_t eaten = 0; eaten < std::size_t{1} << 30; eaten += step) std::memset(std::malloc(step), 1, step);
    return 97;
}

int chatter(int, char** words) {
    const std::time_t until = std::time(nullptr) + std::atol(words[0]);
    long calls = 0;
    while (std::time(nullptr) < until)
        for (int i = 0; i < 100; ++i, ++calls) syscall(SYS_getppid);
    std::printf("%ld\n", calls);
    return 0;
}

}  // namespace actor
