#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "life.hpp"

namespace forest {

constexpr std::size_t argument_bytes_max = 131'071;  // MAX_ARG_STRLEN without the end (linux/binfmts.h)

static std::string in_directory(const char* name) {
    return std::string(arena->directory) + "/" + name;
}

static std::uint64_t draw_for(std::uint32_t slot, std::uint64_t below) {
    return next_random(record(slot).random) % below;
}

static std::string random_bytes(std::uint32_t slot, std::size_t length) {
    std::string bytes(length, 'x');
    for (char& c : bytes) c = static_cast<char>(1 + draw_for(slot, 255));
    return bytes;
}

static std::vector<std::string> some_argv(std::uint32_t slot) {
    std::vector<std::string> argv{"forest"};
    switch (draw_for(slot, 40)) {
        case 0:
        case 1:
            argv = {"a name", "with spaces", "and \"double\" 'single' quotes", "back\\slash"};
            break;
        case 2:
        case 3:
            argv = {"control", "\x01\x02\x7f", "line\nbreak\ttab\r", "\033[31mred\033[0m"};
            break;
        case 4:
        case 5:
            argv = {"", "", "-", ""};
            break;
        case 6:
        case 7:
            argv = {"bytes\xff\xfe\xc3\x28", "\xed\xa0\x80", "gr\xc3\xbc\xc3\x9f", random_bytes(slot, 64)};
            break;
        case 8:
            argv.clear();
            break;  // the kernel makes it one empty argument since 5.18 (bprm_execve)
        case 9:
            argv = {"-bash", "(null)", "a0=\"x\"", "type=EXECVE msg=audit(1.2:3): argc=1", "%s%n"};
            break;
        case 10:
            if (draw_for(slot, 6) == 0)  // a shell's `*` in a big folder, a compiler's whole world
                for (std::uint64_t i = 0, many = 2 + draw_for(slot, 10); i < many; ++i)
                    argv.push_back(std::string(20'000 + draw_for(slot, argument_bytes_max - 20'000), 'M'));
            else
                argv.push_back(std::string(6000 + draw_for(slot, 30000), 'L'));
            break;  // split as text
        case 11:
            argv.push_back(random_bytes(slot, 3000 + draw_for(slot, 9000)));
            break;  // split as hex
        case 12:
            for (std::uint64_t i = 0, many = 100 + draw_for(slot, 900); i < many; ++i)
                argv.push_back("arg" + std::to_string(i));
            break;
        default:
            for (std::uint64_t i = 0, some = draw_for(slot, 6); i < some; ++i)
                argv.push_back("word" + std::to_string(draw_for(slot, 1000)));
    }
    return argv;
}

static ExecKind some_kind(std::uint32_t slot, bool in_place) {
    const bool by_spawn = record(slot).road == Road::posix_spawn;  // which has its own idea of an exec
    for (;;) {
        if (draw_for(slot, 100) < 40) return ExecKind::plain;
        const auto kind = static_cast<ExecKind>(draw_for(slot, static_cast<std::uint64_t>(ExecKind::count)));
        if (kind == ExecKind::thread && (!in_place || self.on_thread || !self.threads_allowed)) continue;
        if (kind == ExecKind::deleted && !privileged()) continue;  // may not link (protected_hardlinks)
        if (kind == ExecKind::exec32 && (!road_exists(Road::fork32) || (!in_place && by_spawn))) continue;
        if (kind == ExecKind::setuid && access(in_directory("setuid").c_str(), F_OK) != 0) continue;
        return kind;
    }
}

void prepare_exec(std::uint32_t slot, Exec& exec, bool in_place) {
    exec.kind = some_kind(slot, in_place);
    exec.argv = some_argv(slot);
    const std::string program = in_directory("forest");
    exec.path = program;
    std::string exe = program;
    std::vector<std::string> seen = exec.argv;
    if (seen.empty()) seen.emplace_back();
    switch (exec.kind) {
        case ExecKind::plain:
        case ExecKind::thread:
        case ExecKind::exec32:
        case ExecKind::count:
            break;
        case ExecKind::script:
        case ExecKind::script_argument: {
            const bool argument = exec.kind == ExecKind::script_argument;
            exec.path = in_directory(argument ? "script argument" : "script");
            seen.erase(seen.begin());
            seen.insert(seen.begin(), exec.path);
            if (argument) seen.insert(seen.begin(), "one argument");
            seen.insert(seen.begin(), program);
            break;
        }
        case ExecKind::memfd:
            exec.path.clear();
            exec.fd = memfd_fd;
            exe = "/memfd:forest (deleted)";
            break;
        case ExecKind::fexecve:
            exec.path.clear();
            exec.fd = open(program.c_str(), O_RDONLY | O_CLOEXEC);
            break;
        case ExecKind::execveat:
            exec.path = "forest";
            exec.fd = directory_fd;
            break;
        case ExecKind::symlink:
            exec.path = in_directory("symlink");
            break;
        case ExecKind::deleted:
            exe = exec.path =
                in_directory("gone-") + std::to_string(slot) + "-" + std::to_string(record(slot).image_count);
            if (link(program.c_str(), exe.c_str()) != 0) mistake("link", errno);
            break;
        case ExecKind::setuid:
            exe = exec.path = in_directory("setuid");
            break;
    }
    record(slot).images[record(slot).image_count] = keep_image(exe, seen, exec.kind);
    for (auto& argument : exec.argv) exec.argv_pointers.push_back(argument.data());
    exec.argv_pointers.push_back(nullptr);
    exec.slot_variable = "FOREST_SLOT=" + std::to_string(slot);
    exec.env_pointers = {exec.slot_variable.data(), nullptr};
    if (exec.kind == ExecKind::exec32) exec.low = place_low(exec.path, exec.argv_pointers, exec.env_pointers);
}

void run_exec(Exec& exec) {
    if (exec.kind == ExecKind::exec32)
        execve32(exec.low);
    else if (exec.fd >= 0)
        syscall(SYS_execveat, exec.fd, exec.path.c_str(), exec.argv_pointers.data(), exec.env_pointers.data(),
                exec.path.empty() ? AT_EMPTY_PATH : 0);
    else
        syscall(SYS_execve, exec.path.c_str(), exec.argv_pointers.data(), exec.env_pointers.data());
    mistake("exec failed", errno);
    _exit(98);
}

void drop(Exec& exec) {
    if (exec.kind == ExecKind::fexecve) close(exec.fd);
    drop(exec.low);
}

void exec_now() {
    static Exec exec;
    prepare_exec(self.slot, exec, true);
    if (exec.kind != ExecKind::thread) run_exec(exec);
    hand_over_to_thread([](void*) -> int { run_exec(exec); });
    for (;;) pause();
}

void fail_an_exec() {
    static const char* const names[] = {"no such file", "not executable", "empty", "."};
    const std::string path = in_directory(names[draw(4)]);
    char name[] = "failed", argument[] = "attempt", *argv[] = {name, argument, nullptr}, *env[] = {nullptr};
    syscall(SYS_execve, path.c_str(), argv, env);
    ++me().failed_execs;
}

static void write_file(const char* name, const std::string& text, mode_t mode) {
    const int fd = open(in_directory(name).c_str(), O_WRONLY | O_CREAT | O_TRUNC, mode);
    if (write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) mistake(name, errno);
    fchmod(fd, mode);
    close(fd);
}

static void copy_into(int to, const char* program) {
    const int from = open(program, O_RDONLY | O_CLOEXEC);
    while (sendfile(to, from, nullptr, 1 << 20) > 0) {
    }
    close(from);
}

void make_files(const char* program) {
    const std::string copy = in_directory("forest");
    for (const char* name : {"forest", "setuid"}) {
        const int fd = open(in_directory(name).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
        copy_into(fd, program);
        close(fd);
    }
    struct statvfs where;
    const bool setuid_works =
        geteuid() == 0 && statvfs(arena->directory, &where) == 0 && (where.f_flag & ST_NOSUID) == 0;
    const std::string setuid_copy = in_directory("setuid");
    if (!setuid_works || chown(setuid_copy.c_str(), 4242, 4243) != 0 || chmod(setuid_copy.c_str(), 06755) != 0)
        unlink(setuid_copy.c_str());
    write_file("script", "#!" + copy + "\n", 0755);
    write_file("script argument", "#!" + copy + " one argument\n", 0755);
    write_file("not executable", "text", 0644);
    write_file("empty", "", 0755);
    if (symlink("forest", in_directory("symlink").c_str()) != 0) mistake("symlink", errno);
    const int writable = memfd_create("forest", 0);  // an executable that is open for writing is ETXTBSY
    copy_into(writable, program);
    const int readable = open(("/proc/self/fd/" + std::to_string(writable)).c_str(), O_RDONLY);
    dup2(readable, memfd_fd);
    close(readable);
    close(writable);
    const int directory = open(arena->directory, O_RDONLY | O_DIRECTORY);
    dup2(directory, directory_fd);
    close(directory);
}

void remove_files() {
    for (const char* name : {"forest", "setuid", "script", "script argument", "not executable", "empty", "symlink"})
        unlink(in_directory(name).c_str());
    rmdir(arena->directory);
}

}  // namespace forest
