#include "privileges.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <memory>

#include "lineage/base/unique_fd.hpp"

namespace lineage::daemon {

namespace {

constexpr std::uint64_t bit(int capability) {
    return 1ULL << capability;
}

/// Each found by leaving it out: what fails without it.
constexpr std::uint64_t for_capture = bit(CAP_AUDIT_CONTROL)  // to register, rules, settings
                                      | bit(CAP_AUDIT_READ)   // to listen beside another daemon
                                      | bit(CAP_NET_ADMIN)    // the connector; receive buffers beyond rmem_max
                                      | bit(CAP_SYS_PTRACE)   // exe, cwd and namespaces of other users' processes
                                      // to remove a rule that names a file where only its owner may look
                                      | bit(CAP_DAC_READ_SEARCH) |
                                      bit(CAP_KILL);  // the tracker's stop signal, at our own death, too
/// Permitted, but in force only in the child that becomes the tracker.
constexpr std::uint64_t for_tracker_start = bit(CAP_SYS_CHROOT);
constexpr std::uint64_t for_tracker_identity = bit(CAP_SETUID) | bit(CAP_SETGID);

/// Only where the database or the journal lies in a folder that is somebody else's.
constexpr std::uint64_t for_foreign_folder = bit(CAP_DAC_OVERRIDE);

/// auditd's own default (priority_boost in auditd.conf(5)).
constexpr int nice_value = -4;

constexpr mode_t directory_mode = 0750;
constexpr mode_t readable_mode = 0640;
constexpr mode_t lock_mode = 0600;  // who may open a lock file can hold the lock

struct Capabilities {
    std::uint64_t effective = 0;
    std::uint64_t permitted = 0;
};

struct RawCapabilities {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct halves[_LINUX_CAPABILITY_U32S_3]{};
};

Capabilities capabilities() {
    RawCapabilities raw;
    ::syscall(SYS_capget, &raw.header, raw.halves);
    const auto whole = [](std::uint32_t low, std::uint32_t high) { return low | std::uint64_t{high} << 32; };
    return {whole(raw.halves[0].effective, raw.halves[1].effective),
            whole(raw.halves[0].permitted, raw.halves[1].permitted)};
}

base::Status set_capabilities(const Capabilities& wanted) {
    RawCapabilities raw;
    for (int half = 0; half < 2; ++half) {
        raw.halves[half].effective = static_cast<std::uint32_t>(wanted.effective >> (32 * half));
        raw.halves[half].permitted = static_cast<std::uint32_t>(wanted.permitted >> (32 * half));
    }
    if (::syscall(SYS_capset, &raw.header, raw.halves) != 0) return base::fail_errno("give up capabilities", errno);
    return {};
}

base::Status harden() {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return base::fail_errno("give up privileges", errno);
    return {};
}

/// A flood of records must not keep from the processor whoever takes them, or the kernel's queue fills and everybody
/// waits, or records are lost. Where the processor is shared out by sessions (autogroup in sched(7)) a session of our
/// own counts as one. Best effort; the unit sets the same.
void go_ahead_of_the_flood() {
    if (::getpriority(PRIO_PROCESS, 0) > nice_value) ::setpriority(PRIO_PROCESS, 0, nice_value);
    if (::getsid(0) != ::getpid()) return;
    const base::UniqueFd autogroup(::open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC));
    const auto text = std::to_string(nice_value);
    if (autogroup) (void)!::write(autogroup.get(), text.data(), text.size());
}

/// Root's and our group's. What is not there, or is something else than it should be, is left to who opens it, and so
/// is a file system that cannot be written: it is no reason not to record.
base::Status secure(int directory, const char* name, mode_t type, mode_t mode) {
    const base::UniqueFd fd(::openat(directory, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0 || (status.st_mode & S_IFMT) != type) return {};
    const bool is_ours = status.st_uid == 0 && status.st_gid == ::getegid();
    if (is_ours && (status.st_mode & ~static_cast<mode_t>(S_IFMT)) == mode) return {};
    if (::fchown(fd.get(), 0, ::getegid()) == 0 && ::fchmod(fd.get(), mode) == 0) return {};
    auto failed = base::fail_errno("set the owner of " + std::string(name), errno);
    if (failed.value().remedy == base::Remedy::waiting) return {};
    return failed;
}

bool is_segment(std::string_view name) {
    constexpr std::string_view suffix = ".seg";
    return name.size() == 16 + suffix.size() && name.ends_with(suffix) &&
           name.find_first_not_of("0123456789abcdef") == 16;
}

/// A file that we make in a journal's folder.
bool is_of_journal(std::string_view name) {
    constexpr std::array<std::string_view, 6> names = {
        "lock", "tracker.lock", "audit-log.lock", "audit-log.place", "audit-log.place.new", "segment.new"};
    return is_segment(name) || std::find(names.begin(), names.end(), name) != names.end();
}

/// A folder is the journal's where nothing of anybody else's is in it: what a mistyped path names stays as it is.
base::Status secure_journal(const std::string& journal) {
    const std::unique_ptr<DIR, int (*)(DIR*)> listing(::opendir(journal.c_str()), ::closedir);
    if (!listing) return {};
    bool is_ours = true;
    while (const dirent* entry = ::readdir(listing.get())) {
        const std::string_view name = entry->d_name;
        if (name == "." || name == "..") continue;
        if (!is_of_journal(name)) {
            is_ours = false;
            continue;
        }
        const mode_t mode = is_segment(name) ? readable_mode : lock_mode;
        if (auto done = secure(::dirfd(listing.get()), entry->d_name, S_IFREG, mode); !done) return done;
    }
    return is_ours ? secure(AT_FDCWD, journal.c_str(), S_IFDIR, directory_mode) : base::Status();
}

/// Is it a database of ours, empty, or not there? https://www.sqlite.org/fileformat.html, The Database Header
bool may_be_our_database(const std::string& path) {
    constexpr char magic[16] = "SQLite format 3";
    constexpr char ours[4] = {'L', 'I', 'N', 'E'};  // application_id, see schema/0001_initial.sql
    constexpr std::ptrdiff_t ours_at = 68;
    const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
    char header[100] = {};
    const auto size = fd ? ::pread(fd.get(), header, sizeof header, 0) : 0;
    if (size <= 0) return true;
    return std::equal(std::begin(magic), std::end(magic), header) &&
           std::equal(std::begin(ours), std::end(ours), header + ours_at);
}

/// The database's folder is made where it is missing (one level: more would be a mistyped path). It is ours then, and
/// so is the default one, whoever made that; any other is the operator's.
base::Status secure_folder(const std::string& database) {
    const auto folder = std::filesystem::path(database).parent_path();
    const bool made = ::mkdir(folder.c_str(), directory_mode) == 0;
    if (!made && folder != std::filesystem::path(Settings{}.database).parent_path()) return {};
    return secure(AT_FDCWD, folder.c_str(), S_IFDIR, directory_mode);
}

base::Status secure_files(const std::string& database, const std::string& journal) {
    if (auto done = secure_folder(database); !done) return done;
    char real[PATH_MAX];
    const std::string path = ::realpath(database.c_str(), real) != nullptr ? real : database;
    if (may_be_our_database(path)) {
        for (const char* const suffix : {"", "-wal", "-shm"})
            if (auto done = secure(AT_FDCWD, (path + suffix).c_str(), S_IFREG, readable_mode); !done) return done;
        if (auto done = secure(AT_FDCWD, (path + ".lock").c_str(), S_IFREG, lock_mode); !done) return done;
    }
    return secure_journal(::realpath(journal.c_str(), real) != nullptr ? real : journal);
}

/// May we, with the capabilities in force now, not make files beside `path`?
bool is_barred(const std::string& path) {
    const auto folder = std::filesystem::path(path).parent_path();
    return ::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0 && errno == EACCES;
}

base::Status take_group(const std::optional<Account>& account) {
    const gid_t gid = account ? account->gid : ::getegid();
    if (::setgroups(0, nullptr) != 0 || ::setresgid(gid, gid, gid) != 0)
        return base::fail_errno("take the group that may read", errno);
    return {};
}

}  // namespace

base::Result<std::optional<Account>> find_account(const std::string& user) {
    if (::geteuid() != 0) return std::optional<Account>();
    const passwd* const found = ::getpwnam(user.c_str());
    if (found != nullptr && found->pw_uid != 0) return Account{user, found->pw_uid, found->pw_gid};
    if (found != nullptr)
        return base::fail("user " + user, "is root: the tracker needs one without rights", base::ExitCode::usage);
    if (user != Settings{}.tracker_user)
        return base::fail("user " + user, "there is no such user", base::ExitCode::usage);
    return std::optional<Account>();
}

std::string why_no_account(const std::string& user) {
    if (::geteuid() != 0) return "not root: the tracker runs as the same user as the rest";
    return "there is no user `" + user + "`: the tracker runs as root, without capabilities";
}

base::Status keep_capture_privileges(const std::string& database, const std::string& journal,
                                     const std::optional<Account>& account) {
    ::umask(S_IWGRP | S_IRWXO);
    const bool is_root = ::geteuid() == 0;
    go_ahead_of_the_flood();
    if (is_root) {
        if (auto taken = take_group(account); !taken) return taken;
        if (auto secured = secure_files(database, journal); !secured) return secured;
    } else {
        ::mkdir(std::filesystem::path(database).parent_path().c_str(), directory_mode);
    }
    const auto possible = capabilities().permitted;
    if (auto tried = set_capabilities({possible & for_capture, possible}); !tried) return tried;
    const bool barred = is_root && (is_barred(database) || is_barred(journal));
    if (auto back = set_capabilities({possible, possible}); !back) return back;
    const auto now = for_capture | (barred ? for_foreign_folder : 0);
    const auto later = is_root ? for_tracker_start | (account ? for_tracker_identity : 0) : 0;
    for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability)
        if (((now | later) & bit(capability)) == 0)
            ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);  // with no_new_privs below nothing can be had back anyway
    if (auto set = set_capabilities({possible & now, possible & (now | later)}); !set) return set;
    return harden();
}

base::Status give_up_capabilities() {
    if (auto dropped = set_capabilities({}); !dropped) return dropped;
    if (::getpriority(PRIO_PROCESS, 0) < 0) ::setpriority(PRIO_PROCESS, 0, 0);
    return harden();
}

base::Result<std::string> become_tracker(const std::string& directory, const std::optional<Account>& account) {
    std::string inside = directory;
    if (::geteuid() == 0) {
        const auto permitted = capabilities().permitted;
        if (auto raised = set_capabilities({permitted, permitted}); !raised) return tl::unexpected(raised.error());
        if (::chdir(directory.c_str()) != 0 || ::chroot(".") != 0)
            return base::fail_errno("make " + directory + " the tracker's root", errno);
        inside = "/";
    }
    if (account && (::setresgid(account->gid, account->gid, account->gid) != 0 ||
                    ::setresuid(account->uid, account->uid, account->uid) != 0))
        return base::fail_errno("become " + account->name, errno);
    if (auto dropped = give_up_capabilities(); !dropped) return tl::unexpected(dropped.error());
    return inside;
}

}  // namespace lineage::daemon
