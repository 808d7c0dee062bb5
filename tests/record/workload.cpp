// workload CASE [PROGRAM]   a small, quick program for each trouble that the golden tests' recordings show; `workload`
// lists them.
//
// Each case waits for all its children, so that a recording that ends with it is whole.
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <string>
#include <thread>
#include <vector>

namespace {

void exec(std::initializer_list<const char*> words) {
    std::vector<char*> argv;
    for (const char* word : words) argv.push_back(const_cast<char*>(word));
    argv.push_back(nullptr);
    char* environment[] = {nullptr};
    ::execve(argv[0], argv.data(), environment);
}

template <class Run>
pid_t child(Run run) {
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    run();
    ::_exit(99);
}

void reap() {
    while (::waitpid(-1, nullptr, 0) > 0) {
    }
}

void vfork_child_first() {
    char* argv[] = {const_cast<char*>("/bin/true"), const_cast<char*>("by vfork"), nullptr};
    char* environment[] = {nullptr};
    const pid_t pid = ::vfork();
    if (pid == 0) {
        ::execve(argv[0], argv, environment);
        ::_exit(99);
    }
    reap();
    argv[1] = const_cast<char*>("by posix_spawn");
    pid_t spawned = 0;
    ::posix_spawn(&spawned, argv[0], nullptr, nullptr, argv, environment);
    reap();
}

void daemonised_grandchild() {
    // Who forks twice loses its grandchild to pid 1 (or to a subreaper: here there is none).
    int ended[2];
    if (::pipe(ended) != 0) return;
    child([&] {
        ::setsid();
        const pid_t middle = ::getpid();
        child([&] {
            while (::getppid() == middle) ::usleep(1000);
            exec({"/bin/sh", "-c", "exit 5"});
        });
        ::_exit(0);
    });
    reap();
    ::close(ended[1]);
    char byte = 0;
    while (::read(ended[0], &byte, 1) > 0) {  // end of file: the daemon is gone
    }
}

void argv_split() {
    const std::string plain(9000, 'p');
    const std::string quoted = std::string(5000, 'q') + " \"and a quote\"\n";
    child([&] { exec({"/bin/true", plain.c_str(), "", quoted.c_str(), "\xff\x01 not UTF-8", "last"}); });
    reap();
}

void script_interpreter() {
    const char* const path = "/tmp/lineage-golden-script";
    const int fd = ::open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    const char text[] = "#!/bin/sh -e\nexit 3\n";
    if (fd < 0 || ::write(fd, text, sizeof text - 1) < 0) return;
    ::close(fd);
    child([&] { exec({path, "an argument"}); });
    reap();
    ::unlink(path);
}

void failed_exec() {
    child([] {
        exec({"/nonexistent/program", "never"});
        exec({"/etc/passwd", "not executable"});
        exec({"/bin/true", "third time"});
    });
    child([] {
        exec({"/nonexistent/program", "only this"});
        ::_exit(41);
    });
    reap();
}

void setuid_no_exec() {
    child([] {
        if (::setgroups(0, nullptr) != 0 || ::setresgid(65534, 65534, 65534) != 0) ::_exit(1);
        if (::setresuid(65534, 65534, 0) != 0) ::_exit(1);
        child([] { ::_exit(6); });  // born under the new identity
        reap();
        ::_exit(7);
    });
    child([] { ::_exit(8); });  // and one under the old
    reap();
}

void killed_by_signal() {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    for (const int number : {SIGKILL, SIGSEGV, SIGTERM, SIGQUIT}) {
        const pid_t pid = child([&] {
            if (number == SIGSEGV) ::raise(number);
            for (;;) ::pause();
        });
        ::usleep(20'000);
        ::kill(pid, number);
        reap();
    }
}

void pid_namespace() {
    child([] {
        if (::unshare(CLONE_NEWPID) != 0) ::_exit(1);
        child([] {  // pid 1 in there
            child([] { exec({"/bin/true", "inside"}); });
            reap();
            ::_exit(4);
        });
        reap();
        ::_exit(0);
    });
    reap();
}

void threads_clone3() {
    std::thread forks([] {
        child([] { exec({"/bin/true", "from a thread"}); });
        reap();
    });
    std::thread idles([] { ::usleep(1000); });
    forks.join();
    idles.join();
    child([] {
        std::thread execs([] { exec({"/bin/sh", "-c", "exit 2"}); });  // takes its leader's place
        execs.join();
    });
    reap();
}

const char* program = nullptr;  ///< workload's second argument

void exec_32_bit() {
    child([] { exec({program, "by a 64-bit call"}); });
    reap();
}

void shell_pipeline() {
    child([] { exec({"/bin/sh", "-c", "echo one two | tr a-z A-Z | wc -c >/dev/null; (exit 3); exit $?"}); });
    reap();
}

void interleaved() {
    for (int i = 0; i < 6; ++i) {
        child([i] {
            for (int k = 0; k < 3; ++k) {
                const std::string name = std::to_string(i) + '.' + std::to_string(k);
                child([&] { exec({"/bin/true", name.c_str()}); });
            }
            reap();
            ::_exit(i);
        });
    }
    reap();
}

struct Case {
    const char* name;
    void (*run)();
};
constexpr Case cases[] = {
    {"vfork-child-first", vfork_child_first},
    {"daemonised-grandchild", daemonised_grandchild},
    {"argv-split-over-records", argv_split},
    {"script-interpreter", script_interpreter},
    {"failed-exec", failed_exec},
    {"setuid-no-exec", setuid_no_exec},
    {"killed-by-signal", killed_by_signal},
    {"pid-namespace", pid_namespace},
    {"threads-clone3", threads_clone3},
    {"no-eoe", shell_pipeline},
    {"interleaved", interleaved},
    {"32-bit-exec", exec_32_bit},
};

/// As a login does it: auid and session of what follows. Refused where they are set already and may not change.
void log_in(const char* auid) {
    const int fd = ::open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);
    if (fd < 0 || ::write(fd, auid, std::strlen(auid)) < 0) std::perror("workload: /proc/self/loginuid");
    ::close(fd);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc > 2) program = argv[2];
    for (const auto& one : cases) {
        if (argc < 2)
            std::puts(one.name);
        else if (std::strcmp(argv[1], one.name) == 0) {
            // In a child: the program itself was forked by the audit daemon, whose own calls are never recorded.
            child([&] {
                log_in("1000");
                one.run();
                ::_exit(0);
            });
            reap();
            return 0;
        }
    }
    return argc < 2 ? 0 : 2;
}
