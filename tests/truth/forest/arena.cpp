#include "arena.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

namespace forest {

Header* arena = nullptr;

const char* name_of(Road road) {
    static const char* const names[] = {"root",
                                        "worker",
                                        "fork",
                                        "raw_fork",
                                        "vfork",
                                        "posix_spawn",
                                        "clone",
                                        "clone_vfork",
                                        "clone_parent",
                                        "clone3",
                                        "clone3_parent",
                                        "thread_fork",
                                        "clone_thread_fork",
                                        "double_fork",
                                        "subreaper",
                                        "reuse",
                                        "newpid",
                                        "newpid3",
                                        "unshare",
                                        "setns",
                                        "set_tid",
                                        "init_takes",
                                        "fork32",
                                        "newuser"};
    static_assert(sizeof names / sizeof *names == static_cast<std::size_t>(Road::count));
    return names[static_cast<std::size_t>(road)];
}

const char* name_of(ExecKind kind) {
    static const char* const names[] = {"plain",   "script",  "script_argument", "memfd",  "fexecve", "execveat",
                                        "symlink", "deleted", "setuid",          "thread", "exec32"};
    static_assert(sizeof names / sizeof *names == static_cast<std::size_t>(ExecKind::count));
    return names[static_cast<std::size_t>(kind)];
}

const char* name_of(EndKind kind) {
    static const char* const names[] = {"exit_group", "exit",           "self_signal", "fault",
                                        "killed",     "killed_at_once", "with_init"};
    static_assert(sizeof names / sizeof *names == static_cast<std::size_t>(EndKind::count));
    return names[static_cast<std::size_t>(kind)];
}

static void map_arena(std::size_t bytes) {
    void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, arena_fd, 0);
    if (at == MAP_FAILED) {
        perror("forest: map the arena");
        _exit(97);
    }
    arena = static_cast<Header*>(at);
}

void create_arena(std::uint32_t slots_max, std::uint64_t text_bytes) {
    const std::uint64_t text_from = sizeof(Header) + sizeof(Record) * std::uint64_t{slots_max};
    const std::uint64_t bytes = text_from + text_bytes;
    const int fd = open("/dev/shm", O_TMPFILE | O_RDWR, 0600);
    if (fd < 0 || ftruncate(fd, static_cast<off_t>(bytes)) != 0 || dup2(fd, arena_fd) < 0) {
        perror("forest: create the arena in /dev/shm");
        _exit(97);
    }
    close(fd);
    map_arena(bytes);
    new (arena) Header;
    arena->slots_max = slots_max;
    arena->text_from = text_from;
    arena->text_to = bytes;
    arena->text_used = text_from;
}

void attach_arena() {
    struct stat status;
    if (fstat(arena_fd, &status) != 0) _exit(97);
    map_arena(static_cast<std::size_t>(status.st_size));
}

Record& record(std::uint32_t slot) {
    return reinterpret_cast<Record*>(arena + 1)[slot];
}

std::uint32_t take_slot() {
    const std::uint32_t slot = arena->slots.fetch_add(1);
    if (slot >= arena->slots_max) {
        mistake("the arena is full", slot);
        _exit(97);
    }
    new (&record(slot)) Record;
    return slot;
}

ImageRecord keep_image(const std::string& exe, const std::vector<std::string>& argv, ExecKind kind) {
    std::string text = exe + '\0';
    for (const auto& argument : argv) text += argument + '\0';
    const std::uint64_t at = arena->text_used.fetch_add(text.size());
    if (at + text.size() > arena->text_to) {
        mistake("no room for argv", static_cast<long>(text.size()));
        _exit(97);
    }
    memcpy(reinterpret_cast<char*>(arena) + at, text.data(), text.size());
    return {at, static_cast<std::uint32_t>(text.size()), kind};
}

std::string text_of(const ImageRecord& image) {
    return {reinterpret_cast<const char*>(arena) + image.text, image.bytes};
}

void mistake(const char* what, long detail) {
    if (arena->mistakes.fetch_add(1) == 0)
        snprintf(arena->first_mistake, sizeof arena->first_mistake, "pid %d: %s (%ld)", host_pid(), what, detail);
}

std::int64_t now_ns() {
    timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// /proc is the initial namespace's (no process here mounts another), and its "self" is numbered there.
std::int32_t host_pid() {
    char text[16] = {};
    if (readlink("/proc/self", text, sizeof text - 1) <= 0) return 0;
    return static_cast<std::int32_t>(strtol(text, nullptr, 10));
}

std::uint64_t next_random(std::uint64_t& state) {  // splitmix64
    std::uint64_t z = (state += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

void pause_us(unsigned microseconds) {
    const timespec time{microseconds / 1000000, static_cast<long>(microseconds % 1000000) * 1000};
    nanosleep(&time, nullptr);
}

}  // namespace forest
