#include "calls32.hpp"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include "arena.hpp"

namespace forest {

#if defined(__x86_64__)

namespace {

constexpr long fork_number = 2, execve_number = 11, getpid_number = 20;  // asm/unistd_32.h

long call32(long number, long first, long second, long third) {
    long result = number;
    asm volatile("int $0x80" : "+a"(result) : "b"(first), "c"(second), "d"(third) : "memory", "r8", "r9", "r10", "r11");
    return static_cast<int>(result);
}

sigjmp_buf refused;

// Words one after another from `at` on, pointers to them in `list`; returns what comes behind.
char* place(const std::vector<char*>& words, std::uint32_t* list, char* at) {
    for (const char* word : words) {
        *list++ = word == nullptr ? 0 : static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(at));
        if (word != nullptr) at = stpcpy(at, word) + 1;
    }
    return at;
}

std::size_t bytes_of(const std::vector<char*>& words) {
    std::size_t bytes = 0;
    for (const char* word : words) bytes += sizeof(std::uint32_t) + (word == nullptr ? 0 : strlen(word) + 1);
    return bytes;
}

}  // namespace

bool calls32_work() {
    struct sigaction before, ours{};
    ours.sa_handler = [](int) { siglongjmp(refused, 1); };
    sigaction(SIGSEGV, &ours, &before);  // what int 0x80 raises where there is no such entry
    const bool works = sigsetjmp(refused, 1) == 0 && call32(getpid_number, 0, 0, 0) > 0;
    sigaction(SIGSEGV, &before, nullptr);
    return works;
}

long fork32() {
    return call32(fork_number, 0, 0, 0);
}

LowExec place_low(const std::string& path, const std::vector<char*>& argv, const std::vector<char*>& env) {
    LowExec low;
    low.bytes = bytes_of(argv) + bytes_of(env) + path.size() + 1;
    low.at = mmap(nullptr, low.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    if (low.at == MAP_FAILED) {
        mistake("no memory below 4 GiB", errno);
        _exit(97);
    }
    const auto address = [](const void* of) {
        return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(of));
    };
    auto* const argv_list = static_cast<std::uint32_t*>(low.at);
    auto* const env_list = argv_list + argv.size();
    char* text = place(env, env_list, place(argv, argv_list, reinterpret_cast<char*>(env_list + env.size())));
    strcpy(text, path.c_str());
    low.argv = address(argv_list);
    low.env = address(env_list);
    low.path = address(text);
    return low;
}

void execve32(const LowExec& low) {
    errno = static_cast<int>(-call32(execve_number, low.path, low.argv, low.env));
}

#else

bool calls32_work() {
    return false;
}
long fork32() {
    return -1;
}
LowExec place_low(const std::string&, const std::vector<char*>&, const std::vector<char*>&) {
    return {};
}
void execve32(const LowExec&) {}

#endif

void drop(LowExec& low) {
    if (low.at != nullptr) munmap(low.at, low.bytes);
    low = {};
}

}  // namespace forest
