// What the running kernel, the database and the recorder say.
#include <fcntl.h>
#include <grp.h>
#include <linux/netlink.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <vector>

#include "lineage/doctor/doctor.hpp"
#include "lineage/model/namespaces.hpp"
#include "lineage/store/store.hpp"
#include "running.hpp"

namespace lineage::doctor {
namespace {

constexpr int look_again_ms = 20;
constexpr model::TimeNs our_age_ns_max = 10'000'000'000;

std::int64_t now_of(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

std::string first_line_of(const std::string& path) {
    std::string line;
    std::ifstream file(path);
    std::getline(file, line);
    return line;
}

/// Whatever refuses us where such a socket can be had, it is not the kernel's lack of audit.
bool kernel_has_audit() {
    return static_cast<bool>(base::UniqueFd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT)));
}

base::Result<AuditFacts> ask_audit() {
    auto control = audit::Control::open();
    if (!control) return tl::unexpected(control.error());
    const auto state = control->state();
    if (!state) return tl::unexpected(state.error());
    auto rules = control->list_rules();
    if (!rules) return tl::unexpected(rules.error());
    return AuditFacts{*state, std::move(*rules), state->pid == 0 ? std::string() : comm_of(state->pid)};
}

/// Sockets of NETLINK_AUDIT that are in the group AUDIT_NLGRP_READLOG; the columns are those of netlink_native_seq_show
/// in net/netlink/af_netlink.c.
std::vector<MulticastReader> multicast_readers() {
    std::vector<MulticastReader> readers;
    std::ifstream table("/proc/net/netlink");
    std::string line;
    std::getline(table, line);
    while (std::getline(table, line)) {
        std::istringstream columns(line);
        std::string socket;
        std::string groups;
        int protocol = 0;
        std::uint32_t port = 0;
        if (!(columns >> socket >> protocol >> port >> groups) || protocol != NETLINK_AUDIT) continue;
        if ((std::strtoul(groups.c_str(), nullptr, 16) & 1) == 0) continue;
        readers.push_back({port, comm_of(port)});
    }
    return readers;
}

std::optional<FileFacts> look_at(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return std::nullopt;
    FileFacts facts{status.st_mode & 07777, std::to_string(status.st_uid), std::to_string(status.st_gid)};
    std::vector<char> buffer(1 << 16);
    passwd user{};
    passwd* found_user = nullptr;
    if (::getpwuid_r(status.st_uid, &user, buffer.data(), buffer.size(), &found_user) == 0 && found_user != nullptr)
        facts.owner = user.pw_name;
    group members{};
    group* found_group = nullptr;
    if (::getgrgid_r(status.st_gid, &members, buffer.data(), buffer.size(), &found_group) == 0 &&
        found_group != nullptr)
        facts.group = members.gr_name;
    return facts;
}

std::uint64_t bytes_below(const std::filesystem::path& folder) {
    std::uint64_t bytes = 0;
    std::error_code ignored;
    for (std::filesystem::recursive_directory_iterator entry(folder, ignored), end; !ignored && entry != end;
         entry.increment(ignored)) {
        const auto size = entry->is_regular_file(ignored) ? entry->file_size(ignored) : 0;
        if (!ignored) bytes += size;
    }
    return bytes;
}

void look_at_disk(DatabaseFacts& database) {
    const auto absolute = std::filesystem::absolute(database.path);
    const auto folder = absolute.parent_path();
    struct statvfs space {};
    if (::statvfs(folder.c_str(), &space) == 0) {
        database.free_bytes = std::uint64_t{space.f_bavail} * space.f_frsize;
        database.total_bytes = std::uint64_t{space.f_blocks} * space.f_frsize;
    }
    database.path = absolute.lexically_normal().string();
    database.file = look_at(absolute);
    database.folder = look_at(folder);
    database.exists = database.file.has_value();
    database.has_header = first_line_of(absolute).starts_with("SQLite format 3");  // sqlite.org/fileformat2.html, 1.3
    for (const char* const part : {"", "-wal", "-shm"}) {
        struct stat status {};
        if (::stat((absolute.string() + part).c_str(), &status) == 0)
            database.bytes += static_cast<std::uint64_t>(status.st_size);
    }
    auto journal = absolute;
    journal.replace_extension(".journal");
    database.bytes += bytes_below(journal);
    std::error_code unknown;
    database.has_journal = std::filesystem::is_directory(journal, unknown);
}

bool is_in_history(store::Reader& reader, model::TimeNs now_ns) {
    const auto us = reader.by_pid(::getpid(), std::numeric_limits<model::TimeNs>::max());
    return us && *us && !(*us)->process.ended && (*us)->process.born.time_ns > now_ns - our_age_ns_max;
}

void look_for_us(store::Reader& reader, int watch_ms, RecorderFacts& recorder) {
    struct stat space {};
    if (::stat("/proc/self/ns/pid", &space) != 0 || space.st_ino != model::initial_pid_namespace)
        return;  // our pid means nothing
    recorder.asked = true;
    const auto now_ns = now_of(CLOCK_REALTIME);
    const auto from_ns = now_of(CLOCK_MONOTONIC);
    do {
        recorder.sees_us = is_in_history(reader, now_ns);
        recorder.after_ms = (now_of(CLOCK_MONOTONIC) - from_ns) / 1'000'000;
        if (recorder.sees_us) return;
        ::usleep(look_again_ms * 1000);
    } while (recorder.after_ms < watch_ms);
}

}  // namespace

void ask_kernel(Facts& facts) {
    timespec tick{};
    ::clock_getres(CLOCK_MONOTONIC_COARSE, &tick);  // the kernel's tick, see audit::Control::set_backlog_wait_ms
    facts.tick_ns = tick.tv_nsec;
    if (auto audit = ask_audit()) {
        facts.audit = std::move(*audit);
    } else {
        facts.audit_refused = audit.error().message();
        facts.audit_needs_privilege = kernel_has_audit();
    }
    facts.readers = multicast_readers();
    if (facts.audit) facts.auditd_of_service = is_of_unit(facts.audit->state.pid, "auditd.service");
    timex clock{};
    facts.clock_synchronized = ::adjtimex(&clock) != TIME_ERROR && (clock.status & STA_UNSYNC) == 0;
    facts.now_ns = now_of(CLOCK_REALTIME);
    facts.boottime_ns = now_of(CLOCK_BOOTTIME);
}

namespace {

/// Who runs, where the database does not tell. One that neither is the audit daemon nor the service leaves room for
/// another.
void look_for_recorder(const Facts& facts, RecorderFacts& recorder) {
    for (const auto pid : recorders()) {
        const auto into = database_of(pid);
        if (into == facts.database.path) {
            recorder.pid = pid;
            recorder.running = true;
        } else if ((facts.audit && facts.audit->state.pid == pid) || is_of_unit(pid, "lineaged.service")) {
            recorder.elsewhere_pid = pid;
            recorder.elsewhere = into;
        }
    }
}

/// The program beside this one, where it is not installed.
void find_lineaged(Facts& facts) {
    std::error_code unknown;
    const auto beside = std::filesystem::read_symlink("/proc/self/exe", unknown).parent_path() / "lineaged";
    if (!facts.programs.contains("lineaged") && ::access(beside.c_str(), X_OK) == 0)
        facts.programs["lineaged"] = beside.string();
}

}  // namespace

void ask_database(const std::string& path, int watch_ms, Facts& facts) {
    auto& database = facts.database;
    auto& recorder = facts.recorder;
    database.path = path;
    look_at_disk(database);
    facts.has_group = ::getgrnam("lineage") != nullptr;
    find_lineaged(facts);
    const auto reader = store::open_reader(path);
    const auto all = reader ? (*reader)->facts() : tl::unexpected(reader.error());
    const auto boots = reader ? (*reader)->boots() : tl::unexpected(reader.error());
    if (all && boots) {
        const auto this_boot = first_line_of("/proc/sys/kernel/random/boot_id");
        for (const auto& boot : *boots)
            if (boot.name == this_boot) database.boot_started_ns = boot.started_ns;
        const auto fact = [&](const char* name) {
            const auto found = all->find(name);
            return found == all->end() ? std::string() : found->second;
        };
        if (fact("recorder.boot") == this_boot)
            recorder.pid = static_cast<std::uint32_t>(std::strtoul(fact("recorder.pid").c_str(), nullptr, 10));
        recorder.running = recorder.pid != 0 && is_lineaged(recorder.pid);
        if (recorder.running) look_for_us(**reader, watch_ms, recorder);
    } else {
        const auto& error = all ? boots.error() : all.error();
        database.trouble = error.message();
        database.not_permitted = error.exit == base::ExitCode::not_permitted;
        database.damaged = error.remedy == base::Remedy::recovery;
    }
    if (!recorder.running) look_for_recorder(facts, recorder);
    if (!recorder.running) return;
    recorder.of_service = is_of_unit(recorder.pid, "lineaged.service");
    recorder.command = arguments_of(recorder.pid);
}

}  // namespace lineage::doctor
