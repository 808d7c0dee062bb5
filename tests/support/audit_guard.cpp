// audit_guard [--] COMMAND...   runs COMMAND with the machine's one audit system to itself, and leaves that as it was
// audit_guard --print           the audit state as text
// audit_guard --probe           0 where audit can be had once nobody else tests, else 77 and why
//
// Promises: one guard at a time (flock on /tmp/lineage-audit.lock); no process of COMMAND's tree outlives it; rules,
// enabled, failure, rate and backlog settings and the registered pid are afterwards what they were, rules byte for
// byte and in order, however COMMAND or the guard die. Exits with COMMAND's status (128 + n for a signal), 77 with one
// line on stderr where audit cannot be controlled, 125 where restoring failed.
//
// How: the watcher, in a session of its own and deaf to signals, is COMMAND's parent and its tree's subreaper. It
// holds one end of a socket pair: end of file means that the guard is dead. The guard is a subreaper too, so
// that should somebody kill the watcher, the tree falls to the guard, which then does the watcher's duty.
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "audit_state.hpp"

namespace {

constexpr int skipped = 77;
constexpr int failed = 125;
constexpr int grace_ms = 10'000;  // between the first signal that is passed on and SIGKILL
/// Another one only for the guard's own test, which runs a guard under a guard.
const char* lock_path() {
    const char* const other = std::getenv("LINEAGE_AUDIT_LOCK");
    return other != nullptr ? other : "/tmp/lineage-audit.lock";
}

void say(const std::string& text) {
    std::fprintf(stderr, "audit_guard: %s\n", text.c_str());
}

int take_lock() {
    // Without O_CREAT first: fs.protected_regular refuses even root to "create" another user's file in /tmp.
    int fd = ::open(lock_path(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) fd = ::open(lock_path(), O_RDONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) return -1;
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
    say(std::string("waiting for ") + lock_path());
    while (::flock(fd, LOCK_EX) != 0) {
        if (errno != EINTR) return -1;
    }
    return fd;
}

/// Every child of this process, reparented ones included. (/proc/PID/task/TID/children is not in every kernel.)
std::vector<pid_t> children() {
    std::vector<pid_t> pids;
    DIR* const proc = ::opendir("/proc");
    if (proc == nullptr) return pids;
    while (const dirent* const entry = ::readdir(proc)) {
        std::ifstream in(std::string("/proc/") + entry->d_name + "/stat");
        std::string line;
        if (!std::getline(in, line, '\0') || line.rfind(')') == std::string::npos) continue;
        char state = 0;
        pid_t parent = 0;
        std::sscanf(line.c_str() + line.rfind(')') + 1, " %c %d", &state, &parent);
        if (parent == ::getpid()) pids.push_back(static_cast<pid_t>(std::atoi(entry->d_name)));
    }
    ::closedir(proc);
    return pids;
}

/// Kills and reaps until nothing is left: a killed process's children fall to us, their subreaper.
void kill_tree() {
    for (;;) {
        for (const pid_t pid : children()) ::kill(pid, SIGKILL);
        if (::waitpid(-1, nullptr, 0) < 0 && errno == ECHILD) return;
    }
}

bool restore(audit_state::Kernel& kernel, const audit_state::State& wanted) {
    int error = 0;
    for (int attempt = 0; attempt < 50; ++attempt) {
        if (attempt > 0) ::usleep(100'000);
        error = kernel.restore(wanted);
        audit_state::State now;
        if (kernel.read(now) == 0 && audit_state::same(now, wanted)) return true;
    }
    say(std::string("COULD NOT RESTORE the audit state: ") +
        (error != 0 ? std::strerror(error) : "somebody changes it"));
    say("wanted:\n" + audit_state::text_of(wanted));
    return false;
}

int exit_status_of(int wait_status) {
    return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

[[noreturn]] void become(char** command) {
    ::setsid();
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    for (int number = 1; number < 32; ++number) ::signal(number, SIG_DFL);
    ::execvp(command[0], command);
    say(std::string(command[0]) + ": " + std::strerror(errno));
    ::_exit(errno == ENOENT ? 127 : 126);
}

/// The watcher: starts the command, passes on the signals that the guard names, and cleans up after all of it.
class Watcher {
public:
    Watcher(int guard, audit_state::Kernel& kernel, const audit_state::State& found)
        : guard_(guard), kernel_(kernel), found_(found) {}

    [[noreturn]] void run(char** command) {
        ::setsid();
        ::prctl(PR_SET_NAME, "audit_watcher");
        ::prctl(PR_SET_CHILD_SUBREAPER, 1);
        sigset_t all;
        ::sigfillset(&all);
        ::sigprocmask(SIG_SETMASK, &all, nullptr);
        sigset_t child;
        ::sigemptyset(&child);
        ::sigaddset(&child, SIGCHLD);
        deaths_ = ::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
        command_ = ::fork();
        if (command_ == 0) become(command);
        // Only the guard and the command may keep a pipe's reader waiting.
        const int nowhere = ::open("/dev/null", O_RDWR | O_CLOEXEC);
        ::dup2(nowhere, STDIN_FILENO);
        ::dup2(nowhere, STDOUT_FILENO);
        const int status = command_ < 0 ? failed : serve();
        kill_tree();
        const int result = restore(kernel_, found_) ? status : failed;
        if (::send(guard_, &result, sizeof result, MSG_NOSIGNAL) < 0) ::_exit(failed);
        ::_exit(0);
    }

private:
    int serve() {
        int timeout_ms = -1;
        for (;;) {
            pollfd ready[] = {{guard_, POLLIN, 0}, {deaths_, POLLIN, 0}};
            const int count = ::poll(ready, 2, timeout_ms);
            if (count == 0) return 128 + SIGKILL;
            if (ready[1].revents != 0) {
                signalfd_siginfo info{};
                if (::read(deaths_, &info, sizeof info) < 0 && errno != EAGAIN) return failed;
                int status = 0;
                for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
                    if (pid == command_) return exit_status_of(status);
                }
            }
            if (ready[0].revents != 0) {
                int number = 0;
                if (::recv(guard_, &number, sizeof number, 0) != sizeof number) return 128 + SIGKILL;
                ::kill(-command_, number);
                timeout_ms = grace_ms;
            }
        }
    }

    int guard_;
    audit_state::Kernel& kernel_;
    const audit_state::State& found_;
    int deaths_ = -1;
    pid_t command_ = -1;
};

/// The guard's own part: passes on signals, waits for the watcher's word.
int wait_for(pid_t watcher, int channel, int signals, audit_state::Kernel& kernel, const audit_state::State& found) {
    for (;;) {
        pollfd ready[] = {{channel, POLLIN, 0}, {signals, POLLIN, 0}};
        if (::poll(ready, 2, -1) < 0) continue;
        if (ready[1].revents != 0) {
            signalfd_siginfo info{};
            if (::read(signals, &info, sizeof info) != sizeof info) continue;
            const int number = static_cast<int>(info.ssi_signo);
            ::send(channel, &number, sizeof number, MSG_NOSIGNAL);
        }
        if (ready[0].revents != 0) {
            int status = failed;
            const bool told = ::recv(channel, &status, sizeof status, 0) == sizeof status;
            ::waitpid(watcher, nullptr, 0);
            if (told) return status;
            say("the watcher died; restoring in its place");
            kill_tree();
            restore(kernel, found);
            return failed;
        }
    }
}

int guard(char** command) {
    audit_state::Kernel kernel;
    audit_state::State found;
    int error = kernel.open();
    if (error == 0) error = kernel.read(found);
    if (error != 0) {
        say(audit_state::reason(error));
        return skipped;
    }
    if (take_lock() < 0) {
        say(std::string(lock_path()) + ": " + std::strerror(errno));
        return failed;
    }
    error = kernel.read(found);  // again: what another test had changed is restored only now
    if (error != 0 || found.status.pid != 0 || found.status.enabled == 2) {
        say(error != 0 ? audit_state::reason(error)
            : found.status.enabled == 2
                ? "the audit configuration is locked until the next boot (enabled 2)"
                : "process " + std::to_string(found.status.pid) + " is this machine's audit daemon");
        return skipped;
    }
    if (command == nullptr) return 0;

    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    int channel[2];
    sigset_t passed_on;
    ::sigemptyset(&passed_on);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) ::sigaddset(&passed_on, number);
    ::sigprocmask(SIG_BLOCK, &passed_on, nullptr);
    const int signals = ::signalfd(-1, &passed_on, SFD_CLOEXEC);
    if (signals < 0 || ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) != 0) return failed;
    const pid_t watcher = ::fork();
    if (watcher < 0) return failed;
    if (watcher == 0) {
        ::close(channel[0]);
        Watcher(channel[1], kernel, found).run(command);
    }
    ::close(channel[1]);
    return wait_for(watcher, channel[0], signals, kernel, found);
}

int print() {
    audit_state::Kernel kernel;
    audit_state::State state;
    int error = kernel.open();
    if (error == 0) error = kernel.read(state);
    if (error != 0) {
        say(audit_state::reason(error));
        return skipped;
    }
    std::fputs(audit_state::text_of(state).c_str(), stdout);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string_view first = argc > 1 ? argv[1] : "";
    if (first == "--print" && argc == 2) return print();
    if (first == "--probe" && argc == 2) return guard(nullptr);
    char** command = argv + (first == "--" ? 2 : 1);
    if (*command == nullptr || first.starts_with("--") != (first == "--")) {
        std::fputs("usage: audit_guard [--] COMMAND... | --print | --probe\n", stderr);
        return 2;
    }
    return guard(command);
}
