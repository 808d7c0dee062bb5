// Every file is opened below a descriptor of /proc/PID. That directory stands for one life of the pid: once the
// process is reaped every read below it fails with ESRCH, also when the pid is used again (fs/proc/base.c), so what is
// read is always of one process.
#include "lineage/procfs/entry.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "lineage/base/codec.hpp"
#include "lineage/base/unique_fd.hpp"
#include "stat.hpp"
#include "tty.hpp"

namespace lineage::procfs {

namespace {

constexpr std::size_t argv_bytes_max = 3U << 20;  // the kernel takes 2 MiB by default (execve(2)), a frame 4
constexpr std::size_t small_file_bytes_max = 16U << 10;

model::TimeNs now_of(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// CLOCK_REALTIME minus `clock`: of several tries the one whose two readings of `clock` lie closest together.
model::TimeNs real_minus(clockid_t clock) {
    model::TimeNs best = 0;
    model::TimeNs best_width = INT64_MAX;
    for (int i = 0; i < 8; ++i) {
        const auto before = now_of(clock);
        const auto real = now_of(CLOCK_REALTIME);
        const auto width = now_of(clock) - before;
        if (width >= best_width) continue;
        best_width = width;
        best = real - (before + width / 2);
    }
    return best;
}

/// The file's bytes, cut at `bytes_max`; nullopt when it cannot be read.
std::optional<std::string> read_file(int directory, const char* name, std::size_t bytes_max = small_file_bytes_max) {
    base::UniqueFd fd(::openat(directory, name, O_RDONLY | O_CLOEXEC));
    if (!fd) return std::nullopt;
    std::string bytes;
    while (bytes.size() < bytes_max) {
        char buffer[4096];
        const ssize_t size = ::read(fd.get(), buffer, std::min(sizeof buffer, bytes_max - bytes.size()));
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return std::nullopt;
        if (size == 0) break;
        bytes.append(buffer, static_cast<std::size_t>(size));
    }
    return bytes;
}

std::string read_link(int directory, const char* name) {
    char target[PATH_MAX];
    const ssize_t size = ::readlinkat(directory, name, target, sizeof target);
    return size < 0 ? std::string() : std::string(target, static_cast<std::size_t>(size));
}

/// "pid:[4026531836]"; 0 when it cannot be read, and of children as long as a namespace that unshare made has nobody.
std::uint64_t namespace_inode(int directory, const char* name) {
    const std::string target = read_link(directory, name);
    const auto digits = target.find('[');
    return digits == std::string::npos ? 0 : std::strtoull(target.c_str() + digits + 1, nullptr, 10);
}

std::uint32_t number_in(const std::optional<std::string>& bytes) {
    std::uint32_t value = model::unset_uid;
    if (bytes) std::from_chars(bytes->data(), bytes->data() + bytes->size(), value);
    return value;
}

/// The numbers of the line that begins with `name`; empty when it is missing.
std::vector<std::uint32_t> numbers_of(std::string_view status, std::string_view name) {
    std::vector<std::uint32_t> numbers;
    std::size_t at = status.find(name);
    if (at == std::string_view::npos) return numbers;
    std::string_view rest = status.substr(at + name.size());
    rest = rest.substr(0, rest.find('\n'));
    while (!rest.empty()) {
        std::uint32_t value = 0;
        const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
        if (error == std::errc{}) numbers.push_back(value);
        rest.remove_prefix(error == std::errc{} ? static_cast<std::size_t>(end - rest.data()) : 1);
    }
    return numbers;
}

std::vector<std::string> split_argv(std::string_view bytes) {
    std::vector<std::string> argv;
    while (!bytes.empty()) {
        const auto end = std::min(bytes.find('\0'), bytes.size());
        argv.emplace_back(bytes.substr(0, end));
        bytes.remove_prefix(std::min(end + 1, bytes.size()));
    }
    return argv;
}

std::vector<model::Pid> numbers_in_directory(int directory, const char* name) {
    std::vector<model::Pid> numbers;
    const int fd = ::openat(directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(fd < 0 ? nullptr : ::fdopendir(fd), ::closedir);
    if (!stream) return numbers;
    while (const dirent* entry = ::readdir(stream.get())) {
        const std::string_view text = entry->d_name;
        model::Pid value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error == std::errc{} && end == text.data() + text.size()) numbers.push_back(value);
    }
    std::sort(numbers.begin(), numbers.end());
    return numbers;
}

void read_status(const std::string& status, model::Seen& seen) {
    const auto uids = numbers_of(status, "\nUid:");
    const auto gids = numbers_of(status, "\nGid:");
    if (uids.size() >= 2) seen.credentials.uid = uids[0], seen.credentials.euid = uids[1];
    if (gids.size() >= 2) seen.credentials.gid = gids[0], seen.credentials.egid = gids[1];
    for (const auto pid : numbers_of(status, "\nNSpid:")) seen.ns_pids.push_back(static_cast<model::Pid>(pid));
}

}  // namespace

std::optional<model::Seen> read_process(model::Pid pid) {
    const auto began_ns = now_of(CLOCK_REALTIME);
    char path[32];
    std::snprintf(path, sizeof path, "/proc/%d", pid);
    const base::UniqueFd directory(::open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory) return std::nullopt;
    const auto stat_text = read_file(directory.get(), "stat");
    const auto stat = stat_text ? parse_stat(*stat_text) : std::nullopt;
    const auto status = read_file(directory.get(), "status");
    if (!stat || !status) return std::nullopt;

    // A thread can be looked up by its id, too.
    const auto tgid = numbers_of(*status, "\nTgid:");
    if (tgid.empty() || tgid.front() != static_cast<std::uint32_t>(pid)) return std::nullopt;

    model::Seen seen;
    seen.pid = pid;
    seen.read_ns = began_ns;
    seen.ppid = stat->ppid;
    seen.comm = stat->comm;
    seen.kernel_thread = stat->kernel_thread;
    seen.zombie = (stat->state == 'Z' || stat->state == 'X') && stat->threads <= 1;
    seen.credentials.tty = tty_name(stat->tty);
    read_status(*status, seen);
    seen.credentials.auid = number_in(read_file(directory.get(), "loginuid"));
    seen.credentials.ses = number_in(read_file(directory.get(), "sessionid"));
    if (!seen.kernel_thread && !seen.zombie) {
        seen.exe = read_link(directory.get(), "exe");
        seen.cwd = read_link(directory.get(), "cwd");
        seen.argv = split_argv(read_file(directory.get(), "cmdline", argv_bytes_max).value_or(""));
    }
    seen.pid_namespace = namespace_inode(directory.get(), "ns/pid");
    seen.pid_namespace_of_children = namespace_inode(directory.get(), "ns/pid_for_children");
    seen.tids = stat->threads > 1 ? numbers_in_directory(directory.get(), "task") : std::vector{pid};
    // A leader that has left is listed as long as the others live.
    if (stat->threads > 1 && (stat->state == 'Z' || stat->state == 'X')) std::erase(seen.tids, pid);
    // It was one and the same process all the time if it is there still.
    if (!read_file(directory.get(), "stat")) return std::nullopt;

    const auto ticks = ::sysconf(_SC_CLK_TCK);
    seen.started_ns = stat->start_ticks * (1'000'000'000 / ticks) + real_minus(CLOCK_BOOTTIME);
    return seen;
}

std::vector<model::Pid> list_pids() {
    return numbers_in_directory(AT_FDCWD, "/proc");
}

model::BootBegan read_boot() {
    model::BootBegan boot;
    boot.name = read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id").value_or("");
    while (!boot.name.empty() && boot.name.back() == '\n') boot.name.pop_back();
    char host[256] = "";
    ::gethostname(host, sizeof host - 1);
    boot.host = host;
    const auto offsets = clock_offsets();
    boot.started_ns = offsets.real_minus_boot_ns;
    boot.real_minus_mono_ns = offsets.real_minus_mono_ns;
    return boot;
}

ClockOffsets clock_offsets() {
    return {real_minus(CLOCK_MONOTONIC), real_minus(CLOCK_BOOTTIME)};
}

}  // namespace lineage::procfs
