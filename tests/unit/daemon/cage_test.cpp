// Goal: what the tracker gives up, it has given up: no file but the journal's, nothing written but what was open, no
// program, process, socket or signal; nor has the audit log's writer more than it needs. Method: a child takes the same
// steps as they do, then tries; its exit status tells. As root the steps are all of them, with user 1; without root the
// filter alone.
#include "cage.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <thread>

#include "doctest/doctest.h"
#include "lineage/journal/journal.hpp"
#include "log_process.hpp"
#include "privileges.hpp"

using namespace lineage;
using namespace lineage::daemon;

namespace {

// The cage refuses what the sanitizers themselves do.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
constexpr bool sanitized = __has_feature(address_sanitizer);
#else
constexpr bool sanitized = false;
#endif

constexpr int confined = 42;  // the exit status of a child whose attempt failed as it should

bool is_root() {
    return ::geteuid() == 0;
}

/// A journal's folder with one file, beside one that is nobody else's business.
struct Place {
    std::filesystem::path folder;
    Place() {
        char name[] = "/tmp/lineage-cage-XXXXXX";
        REQUIRE(::mkdtemp(name) != nullptr);
        folder = name;
        std::filesystem::create_directory(folder / "l.journal");
        std::ofstream(folder / "l.journal" / "0000000000000001.seg") << "frames";
        std::ofstream(folder / "beside") << "other";
        ::chmod(folder.c_str(), 0755);
        ::chmod((folder / "l.journal").c_str(), 0777);  // the filter alone is in the way
        ::chmod((folder / "l.journal" / "0000000000000001.seg").c_str(), 0666);
        ::chmod((folder / "beside").c_str(), 0666);
    }
    ~Place() { std::filesystem::remove_all(folder); }
    [[nodiscard]] std::string journal() const { return folder / "l.journal"; }
};

struct Inside {
    std::string journal;  ///< by its name in there
    int open_file = -1;   ///< was open for writing before
};

/// What only an intruder tries. Arguments that would do nothing, where it is not killed.
void try_hostile(long call) {
    ::syscall(call, 0L, 0L, 0L, 0L, 0L, 0L);
}

/// Without the filter these arguments would be wrong, or change nothing: EPERM is the filter's word.
bool is_denied(long call, long last = -1) {
    return ::syscall(call, -1L, -1L, -1L, -1L, last, -1L) == -1 && errno == EPERM;
}

constexpr long hostile_calls[] = {
#ifdef SYS_fork
    SYS_fork,
    SYS_vfork,
#endif
    SYS_execve,
    SYS_execveat,
    SYS_clone,
    SYS_clone3,
    SYS_socket,
    SYS_connect,
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_unshare,
    SYS_setns,
    SYS_keyctl,
    SYS_add_key,
    SYS_io_uring_setup};

constexpr long denied_calls[] = {
    // Signals, other processes.
    SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_pidfd_open, SYS_pidfd_getfd,
    SYS_pidfd_send_signal, SYS_process_madvise, SYS_kcmp, SYS_prlimit64, SYS_setpriority, SYS_sched_setaffinity,
    // Sockets, descriptors, rings.
    SYS_sendto, SYS_sendmsg, SYS_sendmmsg, SYS_recvmsg, SYS_bind, SYS_listen, SYS_accept4, SYS_socketpair,
    SYS_setsockopt, SYS_dup, SYS_dup3, SYS_pipe2, SYS_memfd_create, SYS_ioctl, SYS_fcntl, SYS_splice, SYS_sendfile,
    SYS_copy_file_range, SYS_io_setup, SYS_io_uring_enter, SYS_io_uring_register, SYS_inotify_init1, SYS_mq_open,
    SYS_msgget, SYS_semget, SYS_shmget,
    // Files by name, but by openat to read.
    SYS_openat2, SYS_open_by_handle_at, SYS_name_to_handle_at, SYS_truncate, SYS_unlinkat, SYS_linkat, SYS_symlinkat,
    SYS_mkdirat, SYS_mknodat, SYS_fchmodat, SYS_fchownat, SYS_fchown, SYS_utimensat, SYS_setxattr, SYS_fsetxattr,
    // What it is, and memory that runs.
    SYS_setresuid, SYS_setresgid, SYS_capset, SYS_prctl, SYS_seccomp, SYS_personality, SYS_pkey_mprotect,
    SYS_request_key, SYS_timer_create};
constexpr long denied_to_tracker[] = {SYS_renameat, SYS_renameat2, SYS_fchmod};

/// The wait status of a child in the cage that returns whether `attempt` failed as it should.
int status_of(const std::function<bool(const Inside&)>& attempt, Cage cage = Cage::tracker) {
    const Place place;
    const pid_t pid = ::fork();
    if (pid == 0) {
        Inside inside;
        inside.open_file = ::open((place.folder / "beside").c_str(), O_RDWR | O_CLOEXEC);
        const auto account = is_root() ? std::optional(Account{"daemon", 1, 1}) : std::nullopt;
        auto journal = cage == Cage::tracker ? become_tracker(place.journal(), account) : place.journal();
        if (cage == Cage::log_writer && !give_up_capabilities()) ::_exit(2);
        if (!journal || !enter_cage(cage)) ::_exit(2);
        inside.journal = *journal;
        ::_exit(attempt(inside) ? confined : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    return status;
}

bool is_refused(const std::function<bool(const Inside&)>& attempt, Cage cage = Cage::tracker) {
    const int status = status_of(attempt, cage);
    INFO("exit status " << (WIFEXITED(status) ? WEXITSTATUS(status) : -1));
    return WIFEXITED(status) && WEXITSTATUS(status) == confined;
}

bool is_killed(const std::function<void()>& attempt, Cage cage = Cage::tracker) {
    const auto try_it = [&](const Inside&) {
        attempt();
        return true;
    };
    const int status = status_of(try_it, cage);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

/// By another user's identity a process loses it anyway (commit_creds in kernel/cred.c); by its own it has to give it
/// up.
bool is_dumpable() {
    return ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0;
}

bool cannot_open(const char* path, int flags) {
    return ::open(path, flags, 0600) < 0;
}

}  // namespace

TEST_CASE("the tracker reads the journal and writes what it has open" * doctest::skip(sanitized)) {
    CHECK(is_refused([](const Inside& inside) {
        char text[6];
        const int fd = ::open((inside.journal + "/0000000000000001.seg").c_str(), O_RDONLY | O_CLOEXEC);
        return ::read(fd, text, sizeof text) == 6 && ::pwrite(inside.open_file, "new", 3, 0) == 3 &&
               ::fdatasync(inside.open_file) == 0 && ::ftruncate(inside.open_file, 3) == 0;
    }));
}

TEST_CASE("the tracker opens nothing to write, makes nothing and removes nothing" * doctest::skip(sanitized)) {
    CHECK(is_refused([](const Inside& inside) {
        const auto segment = inside.journal + "/0000000000000001.seg";
        const auto fresh = inside.journal + "/fresh";
        return cannot_open(segment.c_str(), O_RDWR) && cannot_open(segment.c_str(), O_WRONLY | O_APPEND) &&
               cannot_open(segment.c_str(), O_RDONLY | O_TRUNC) && cannot_open(fresh.c_str(), O_RDONLY | O_CREAT) &&
               cannot_open(inside.journal.c_str(), O_RDWR | O_TMPFILE) && ::unlink(segment.c_str()) != 0 &&
               ::rename(segment.c_str(), fresh.c_str()) != 0 && ::mkdir(fresh.c_str(), 0700) != 0 &&
               ::link(segment.c_str(), fresh.c_str()) != 0 && ::symlink("x", fresh.c_str()) != 0 &&
               ::chmod(segment.c_str(), 0777) != 0;
    }));
}

TEST_CASE("the tracker sees no file but the journal's" * doctest::skip(sanitized)) {
    if (!is_root()) return;
    const Place place;
    const std::string beside = place.folder / "beside";
    CHECK(is_refused([&](const Inside&) {
        return cannot_open("/etc/shadow", O_RDONLY) && cannot_open("/etc/passwd", O_RDONLY) &&
               cannot_open("/proc/self/status", O_RDONLY) && cannot_open("/dev/null", O_RDONLY) &&
               cannot_open(beside.c_str(), O_RDONLY) && cannot_open("../beside", O_RDONLY) &&
               cannot_open("../../../../../../etc/passwd", O_RDONLY);
    }));
}

TEST_CASE("the tracker is another user without a way back" * doctest::skip(sanitized)) {
    if (!is_root()) return;
    CHECK(is_refused([](const Inside&) {
        return ::geteuid() == 1 && ::setuid(0) != 0 && ::setresuid(0, 0, 0) != 0 && ::setgid(0) != 0 &&
               ::chroot(".") != 0 && ::kill(1, 0) != 0 && ::kill(::getppid(), 0) != 0 &&
               ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0;
    }));
}

TEST_CASE("without an account root is left without its rights all the same" * doctest::skip(sanitized)) {
    if (!is_root()) return;
    const Place place;
    const auto foreign = place.journal() + "/foreign";  // root reads it by a capability alone
    std::ofstream(foreign) << "x";
    ::chmod(foreign.c_str(), 0600);
    REQUIRE(::chown(foreign.c_str(), 1234, 1234) == 0);
    const pid_t pid = ::fork();
    if (pid == 0) {
        if (!become_tracker(place.journal(), std::nullopt) || is_dumpable() || !enter_cage()) ::_exit(2);
        const bool tight = cannot_open("/etc/shadow", O_RDONLY) && cannot_open("/foreign", O_RDONLY) &&
                           ::chroot(".") != 0 && ::setuid(1) != 0;
        ::_exit(tight ? confined : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == confined);
}

TEST_CASE("memory of the tracker's cannot be made to run" * doctest::skip(sanitized)) {
    CHECK(is_refused([](const Inside&) {
        void* const page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return page != MAP_FAILED && ::mprotect(page, 4096, PROT_READ | PROT_EXEC) != 0 &&
               ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
    }));
}

TEST_CASE("what only an intruder tries kills it") {
    CHECK(is_killed([] {
        char* const words[] = {nullptr};
        ::execve("/bin/true", words, words);
    }));
    CHECK(is_killed([] {
        if (::fork() == 0) ::_exit(0);
    }));
    CHECK(is_killed([] { (void)::socket(AF_UNIX, SOCK_STREAM, 0); }));
    CHECK(is_killed([] { (void)::socket(AF_NETLINK, SOCK_RAW, 9); }));
    CHECK(is_killed([] { (void)::ptrace(PTRACE_ATTACH, ::getppid(), nullptr, nullptr); }));
    for (const auto cage : {Cage::tracker, Cage::log_writer})
        for (const long call : hostile_calls) CHECK_MESSAGE(is_killed([=] { try_hostile(call); }, cage), call);
}

TEST_CASE("what the tracker and the log's writer do not need is refused" * doctest::skip(sanitized)) {
    for (const auto cage : {Cage::tracker, Cage::log_writer}) {
        for (const long call : denied_calls)
            CHECK_MESSAGE(is_refused([=](const Inside&) { return is_denied(call); }, cage), call);
        CHECK(is_refused([](const Inside&) { return !is_denied(SYS_sendto, 0); }, cage));  // to no address
        CHECK(is_refused([](const Inside&) { return ::tgkill(::getpid(), ::gettid(), 0) == 0; }, cage));
    }
    for (const long call : denied_to_tracker)
        CHECK_MESSAGE(is_refused([=](const Inside&) { return is_denied(call); }), call);
}

TEST_CASE("the audit log's writer makes and renames files, and is caged and without rights" *
          doctest::skip(sanitized)) {
    CHECK(is_refused(
        [](const Inside& inside) {
            const auto from = inside.journal + "/audit.log";
            const auto to = from + ".1";
            const int fd = ::open(from.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
            return ::write(fd, "x", 1) == 1 && ::fchmod(fd, 0400) == 0 && ::rename(from.c_str(), to.c_str()) == 0 &&
                   ::unlink(to.c_str()) != 0;
        },
        Cage::log_writer));

    const Place place;
    Settings settings;
    settings.database = place.folder / "log.db";
    settings.audit_log_file = place.folder / "audit.log";
    const auto journal = journal::Writer::open(settings.journal());
    REQUIRE(journal);
    LogProcess writer;
    REQUIRE(writer.spawn(settings, journal->end()));
    std::map<std::string, std::string> status;
    for (int left = 500; left > 0 && status["Seccomp:"] != "2"; --left) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        pid_t pid = 0;
        std::ifstream("/proc/thread-self/children") >> pid;
        std::ifstream lines("/proc/" + std::to_string(pid) + "/status");
        for (std::string name, value; lines >> name >> value; std::getline(lines, value)) status[name] = value;
    }
    CHECK(status["Name:"] == "lineaged-log");
    CHECK(status["Seccomp:"] == "2");
    for (const std::string set : {"CapInh:", "CapPrm:", "CapEff:", "CapAmb:"})
        CHECK_MESSAGE(status[set] == std::string(16, '0'), set);
    CHECK(writer.finish(20'000));
}

TEST_CASE("capture keeps six capabilities, files of the group's, and no way to more") {
    if (!is_root()) return;
    const Place place;
    const auto database = place.folder / "l.db";
    const std::pair<std::string, mode_t> files[] = {{database, 0640},
                                                    {database.string() + "-wal", 0640},
                                                    {database.string() + "-shm", 0640},
                                                    {database.string() + ".lock", 0600},
                                                    {place.journal() + "/0000000000000000.seg", 0640},
                                                    {place.journal() + "/lock", 0600}};
    for (const auto& [path, mode] : files) {
        std::ofstream{path};
        ::chmod(path.c_str(), 0666);
        REQUIRE(::chown(path.c_str(), 1234, 1234) == 0);
    }
    const pid_t pid = ::fork();
    if (pid == 0) {
        if (!keep_capture_privileges(database, place.journal(), Account{"daemon", 1, 1})) ::_exit(2);
        const int made = ::open((place.journal() + "/made").c_str(), O_RDWR | O_CREAT, 0666);
        struct stat status {};
        rlimit core{1, 1};
        ::getrlimit(RLIMIT_CORE, &core);
        const bool tight = ::fstat(made, &status) == 0 && status.st_uid == 0 && status.st_gid == 1 &&
                           (status.st_mode & 07777) == 0640 && ::chown(database.c_str(), 5, 5) != 0 && !is_dumpable() &&
                           ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 && core.rlim_max == 0 && ::setuid(1) != 0;
        ::_exit(tight ? confined : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == confined);
    const auto is = [](const std::string& path, gid_t gid, mode_t mode) {
        struct stat file {};
        REQUIRE(::stat(path.c_str(), &file) == 0);
        CHECK(file.st_uid == 0);
        CHECK(file.st_gid == gid);
        CHECK((file.st_mode & 07777) == mode);
    };
    for (const auto& [path, mode] : files) is(path, 1, mode);
    is(place.journal(), 1, 0750);
}

TEST_CASE("in a folder of somebody else's root can still record") {
    if (!is_root()) return;
    const Place place;
    const auto database = place.folder / "l.db";
    REQUIRE(::chown(place.folder.c_str(), 1234, 1234) == 0);
    ::chmod(place.folder.c_str(), 0700);
    const pid_t pid = ::fork();
    if (pid == 0) {
        if (!keep_capture_privileges(database, place.journal(), std::nullopt)) ::_exit(2);
        const bool made = !is_dumpable() && !cannot_open(database.c_str(), O_RDWR | O_CREAT) &&
                          !cannot_open((place.journal() + "/made").c_str(), O_RDWR | O_CREAT);
        ::_exit(made && ::chown(database.c_str(), 5, 5) != 0 ? confined : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == confined);
}

TEST_CASE("an account is one without rights, and exists if it was named") {
    if (!is_root()) return;
    REQUIRE(find_account("daemon").has_value());
    REQUIRE(find_account("daemon")->has_value());
    CHECK((*find_account("daemon"))->uid == 1);
    CHECK(!find_account("no-such-user").has_value());
    CHECK(!find_account("root").has_value());
    CHECK(find_account(Settings{}.tracker_user).has_value());  // also where there is none: then it says so and goes on
}
