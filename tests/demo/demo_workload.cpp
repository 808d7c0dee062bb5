// demo_workload   what the demo records: as root, a login (loginuid and session set, identity given up) that runs a
// shell chain, a child that dies of SIGSEGV, one that is killed, a service that changes its uid without an exec, and a
// daemon that forks twice to leave its parents and outlives them all by a few seconds. Quick, and the same every time.
//
// Its processes that call no other program are told apart by their name (comm).
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <initializer_list>
#include <vector>

namespace {

constexpr unsigned user = 1000;     // of the login: need not exist
constexpr unsigned nobody = 65534;  // whom the service becomes

template <class Run>
pid_t child(const char* name, Run run) {
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    ::prctl(PR_SET_NAME, name);
    run();
    ::_exit(1);
}

void exec(const char* path, std::initializer_list<const char*> words) {
    std::vector<char*> argv;
    for (const char* word : words) argv.push_back(const_cast<char*>(word));
    argv.push_back(nullptr);
    ::execv(path, argv.data());
}

void wait_for(pid_t pid) {
    ::waitpid(pid, nullptr, 0);
}

void become(unsigned id) {
    if (::setresgid(id, id, id) != 0 || ::setresuid(id, id, id) != 0) ::_exit(1);
}

void log_in() {
    const int fd = ::open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    if (::write(fd, "1000", 4) < 0) {  // set already and not to be changed: then this login is part of that one
    }
    ::close(fd);
    ::setsid();
}

void run_daemon() {
    int called_exec[2];
    if (::pipe2(called_exec, O_CLOEXEC) != 0) return;
    child("middle", [] {
        ::setsid();
        const pid_t middle = ::getpid();
        child("daemon", [middle] {
            while (::getppid() == middle) ::usleep(1000);  // until it belongs to somebody else
            exec("/bin/sleep", {"lineage-demo-daemon", "3"});
        });
        ::_exit(0);
    });
    ::wait(nullptr);
    ::close(called_exec[1]);
    char byte = 0;
    while (::read(called_exec[0], &byte, 1) > 0) {  // end of file: the daemon runs its program
    }
}

void die_by_signals() {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    wait_for(child("crashes", [] { ::raise(SIGSEGV); }));
    const pid_t waits = child("is-killed", [] { ::pause(); });
    ::usleep(20'000);
    ::kill(waits, SIGKILL);
    wait_for(waits);
}

void serve() {
    wait_for(child("service", [] {
        become(nobody);
        wait_for(child("worker", [] { ::_exit(0); }));
        ::_exit(42);
    }));
}

void session() {
    log_in();
    // Nothing of our own is executed as that user: he may not be able to reach the build folder.
    wait_for(child("login", [] {
        become(user);
        wait_for(child("login", [] {
            exec("/bin/sh",
                 {"-sh", "-c", "echo lineage | tr a-z A-Z >/dev/null; sh -c 'sh -c \"exit 3\"; exit 4'; exit 0"});
        }));
        die_by_signals();
        run_daemon();
        ::_exit(0);
    }));
    serve();
}

}  // namespace

int main() {
    wait_for(child("demo-session", [] {
        session();
        ::_exit(0);
    }));
    return 0;
}
