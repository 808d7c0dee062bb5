// Goal: a process is read as it is: hostile names, threads, zombies, start times; and survives encoding.
// Method: stat lines by hand; live children of this test for the rest (no privilege needed).
#include "lineage/procfs/entry.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "stat.hpp"
#include "tty.hpp"

using namespace lineage;

namespace {

/// A child that runs `body` and then waits to be killed.
template <class Body>
class Child {
public:
    explicit Child(Body body) {
        int ready[2];
        REQUIRE(::pipe2(ready, O_CLOEXEC) == 0);
        pid_ = ::fork();
        if (pid_ == 0) {
            body();
            [[maybe_unused]] const auto told = ::write(ready[1], "x", 1);
            for (;;) ::pause();
        }
        char byte = 0;
        CHECK(::read(ready[0], &byte, 1) == 1);
        ::close(ready[0]);
        ::close(ready[1]);
    }
    ~Child() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    [[nodiscard]] pid_t pid() const { return pid_; }

private:
    pid_t pid_ = -1;
};

model::TimeNs now_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

TEST_CASE("comm holds parentheses, spaces and newlines") {
    const auto stat =
        procfs::parse_stat("77 (a) R 1 (\n) S 5 77 77 34817 77 2129984 0 0 0 0 0 0 0 0 20 0 3 0 4711 999");
    REQUIRE(stat.has_value());
    CHECK(stat->comm == "a) R 1 (\n");
    CHECK(stat->state == 'S');
    CHECK(stat->ppid == 5);
    CHECK(stat->tty == 34817);
    CHECK(stat->kernel_thread);
    CHECK(stat->threads == 3);
    CHECK(stat->start_ticks == 4711);
}

TEST_CASE("what is no stat line is refused") {
    for (const char* text : {"", "1", "1 (a", "1 (a)", "1 (a) S", "1 a) S ( 2", "1 (a) S 5 77 77 34817"})
        CHECK_FALSE(procfs::parse_stat(text).has_value());
}

TEST_CASE("terminals are named as audit names them") {
    CHECK(procfs::tty_name(0).empty());
    CHECK(procfs::tty_name(0x8803) == "pts3");
    CHECK(procfs::tty_name(0x8900) == "pts256");
    CHECK(procfs::tty_name(0x0401) == "tty1");
    CHECK(procfs::tty_name(0x0440) == "ttyS0");
}

TEST_CASE("this process") {
    const auto seen = procfs::read_process(::getpid());
    REQUIRE(seen.has_value());
    CHECK(seen->pid == ::getpid());
    CHECK(seen->ppid == ::getppid());
    CHECK(seen->credentials.uid == ::getuid());
    CHECK(seen->credentials.egid == ::getegid());
    CHECK_FALSE(seen->kernel_thread);
    CHECK_FALSE(seen->zombie);
    CHECK(seen->argv.size() >= 1);
    CHECK(seen->exe.find("unit_procfs") != std::string::npos);
    CHECK_FALSE(seen->cwd.empty());
    CHECK(std::count(seen->tids.begin(), seen->tids.end(), ::getpid()) == 1);
}

TEST_CASE("start time is true to one tick") {
    const auto before = now_ns();
    const Child child([] {});
    const auto after = now_ns();
    const auto seen = procfs::read_process(child.pid());
    REQUIRE(seen.has_value());
    CHECK(seen->started_ns > before - 10'000'000 - 1'000'000);
    CHECK(seen->started_ns < after + 1'000'000);
}

TEST_CASE("threads are listed and a hostile name is kept") {
    const Child child([] {
        ::prctl(PR_SET_NAME, ") x\n(");
        static std::thread thread([] {
            for (;;) ::pause();
        });
    });
    const auto seen = procfs::read_process(child.pid());
    REQUIRE(seen.has_value());
    CHECK(seen->comm == ") x\n(");
    CHECK(seen->tids.size() == 2);
    CHECK(seen->tids.front() == child.pid());
}

TEST_CASE("a zombie is one, and what is reaped is gone") {
    const pid_t pid = ::fork();
    if (pid == 0) ::_exit(3);
    siginfo_t info{};
    REQUIRE(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT) == 0);
    const auto seen = procfs::read_process(pid);
    REQUIRE(seen.has_value());
    CHECK(seen->zombie);
    CHECK(seen->ppid == ::getpid());
    REQUIRE(::waitpid(pid, nullptr, 0) == pid);
    CHECK_FALSE(procfs::read_process(pid).has_value());
}

TEST_CASE("kernel threads are known as such") {
    const auto kthreadd = procfs::read_process(2);
    if (!kthreadd || kthreadd->comm != "kthreadd") return;  // in a pid namespace
    CHECK(kthreadd->kernel_thread);
    CHECK(kthreadd->argv.empty());
}

TEST_CASE("the list holds this process and is in order") {
    const auto pids = procfs::list_pids();
    CHECK(std::binary_search(pids.begin(), pids.end(), ::getpid()));
    CHECK(std::is_sorted(pids.begin(), pids.end()));
}

TEST_CASE("what was read survives its encoding, and a cut one is refused") {
    auto seen = *procfs::read_process(::getpid());
    seen.argv = {"", "a b", std::string("\0\xff", 2)};
    seen.credentials.tty = "pts0";
    const auto bytes = procfs::encode(seen);
    const auto again = procfs::decode(bytes);
    REQUIRE(again.has_value());
    CHECK(procfs::encode(*again) == bytes);
    CHECK(again->argv == seen.argv);
    CHECK(again->tids == seen.tids);
    CHECK(again->credentials == seen.credentials);
    for (std::size_t size = 0; size < bytes.size(); ++size)
        CHECK_FALSE(procfs::decode(bytes.substr(0, size)).has_value());
    CHECK_FALSE(procfs::decode(bytes + "x").has_value());
}

TEST_CASE("the boot has a name and an origin that does not move") {
    const auto one = procfs::read_boot();
    const auto two = procfs::read_boot();
    CHECK(one.name.size() == 36);
    CHECK(one.name == two.name);
    CHECK(std::abs(one.started_ns - two.started_ns) < 1'000'000);
    CHECK(one.started_ns > 0);
}
