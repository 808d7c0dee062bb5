// Goal: a reader in another process sees every frame while it is written, also over segment changes, writers that come
// and go, and removed segments; and it sleeps meanwhile. Method: processes, with the reader's CPU time measured.
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "unit/journal/journal_fixture.hpp"

using namespace journal_fixture;
using Clock = std::chrono::steady_clock;

namespace {

void nap_ms(int ms) {
    std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

// Reads until frame `last`; 0 when every number from 0 on came once, in order, within 60 s.
int follow(journal::Reader& reader, std::uint64_t last, bool holes_allowed = false) {
    const auto deadline = Clock::now() + std::chrono::seconds(60);
    std::uint64_t expected = 0;
    model::Frame frame;
    while (Clock::now() < deadline) {
        const auto next = reader.next(frame);
        if (!next) return 2;
        if (*next == journal::Reader::Next::at_end) {
            reader.wait(100'000);  // longer than the deadline: a missed wake-up fails
            continue;
        }
        const auto number = number_in(frame);
        if (holes_allowed ? number < expected : number != expected) return 3;
        if (number > expected && !reader.take_skipped()) return 4;
        if (number == last) return 0;
        expected = number + 1;
    }
    return 5;
}

template <class Function>
pid_t start_child(Function function) {
    const pid_t pid = ::fork();
    REQUIRE(pid >= 0);
    if (pid == 0) ::_exit(function());
    return pid;
}

int outcome_of(pid_t pid) {
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace

TEST_CASE("a follower sees every frame over hundreds of segment changes") {
    const TemporaryDirectory directory("/dev/shm");
    auto writer = open_writer(directory.path, small_segments);
    auto reader = open_reader(directory.path);
    const pid_t pid = start_child([&] { return follow(reader, 9'999); });
    for (std::uint64_t i = 0; i < 10'000; ++i) {
        append_number(writer, i);
        if (i % 3 == 0) writer.publish();
    }
    writer.publish();
    CHECK(outcome_of(pid) == 0);
}

TEST_CASE("a follower that is overtaken by removal says so and goes on") {
    const TemporaryDirectory directory;
    auto writer = open_writer(directory.path, {1024, 8 * 1024});
    append_number(writer, 0);
    auto reader = open_reader(directory.path);
    const pid_t pid = start_child([&] { return follow(reader, 19'999, true); });
    for (std::uint64_t i = 1; i < 20'000; ++i) append_number(writer, i);
    writer.publish();
    CHECK(outcome_of(pid) == 0);
}

TEST_CASE("a follower goes on with the next writer, whether the last one closed or was killed") {
    const TemporaryDirectory directory;
    { const auto writer = open_writer(directory.path); }
    auto reader = open_reader(directory.path);
    const pid_t pid = start_child([&] { return follow(reader, 49); });
    for (std::uint64_t i = 0; i < 50; ++i) {
        if (i % 2 == 0) {
            auto writer = open_writer(directory.path);
            append_number(writer, i);
            writer.publish();
        } else {
            CHECK(in_child([&] {
                      auto writer = open_writer(directory.path);
                      append_number_to(writer, i);
                      writer.publish();
                      return 0;
                  }) == 0);
        }
        nap_ms(2);
    }
    CHECK(outcome_of(pid) == 0);
}

TEST_CASE("waiting costs nothing, ends at a publish, and at its timeout") {
    const TemporaryDirectory directory;
    auto writer = open_writer(directory.path);
    auto reader = open_reader(directory.path);
    auto start = Clock::now();
    CHECK_FALSE(reader.wait(50));
    CHECK(Clock::now() - start >= std::chrono::milliseconds(49));

    rusage before{};
    ::getrusage(RUSAGE_THREAD, &before);
    std::thread publishing([&] {
        nap_ms(200);
        append_number_to(writer, 1);
        start = Clock::now();
        writer.publish();
    });
    CHECK(reader.wait(10'000));
    const auto woken = Clock::now();
    publishing.join();
    rusage after{};
    ::getrusage(RUSAGE_THREAD, &after);
    CHECK(woken - start < std::chrono::milliseconds(500));  // on a machine that is busy with other tests
    CHECK(after.ru_nvcsw - before.ru_nvcsw <= 10);
    CHECK(numbers_of(reader) == number_range(1, 2));
    CHECK_FALSE(reader.wait(1));
    append_number(writer, 2);
    CHECK(reader.wait(10'000));  // already there: no publish is needed for one that does not sleep yet
}

TEST_CASE("a reader needs to write nothing") {
    const TemporaryDirectory directory;
    auto writer = open_writer(directory.path);
    append_number(writer, 0);
    ::chmod(directory.path.c_str(), 0755);
    ::chmod(only_segment(directory.path).c_str(), 0644);
    const pid_t pid = start_child([&] {
        if (::geteuid() == 0 && ::setuid(65534) != 0) return 9;
        auto reader = open_reader(directory.path);
        return follow(reader, 1);
    });
    nap_ms(50);
    append_number(writer, 1);
    writer.publish();
    CHECK(outcome_of(pid) == 0);
}
