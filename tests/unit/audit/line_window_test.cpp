// Goal: every byte goes out in its order, and each event is told right behind its last record.
// Method: logs by hand; what comes out is one string, "<serial>" where an event was told. Random logs cut at random,
// with the seed shown.
#include "lineage/audit/line_window.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <string>

using namespace lineage;

namespace {

std::string record(const std::string& type, int serial, const std::string& fields = "") {
    return "type=" + type + " msg=audit(1000.000:" + std::to_string(serial) + "): " + fields + "\n";
}

class Bench {
public:
    explicit Bench(audit::WindowLimits limits = {})
        : window([this](std::string_view bytes) { (out += bytes), (lines += bytes); },
                 [this](audit::LoggedEvent&& event) {
                     out += "<" + std::to_string(event.serial) + ">";
                     last = std::move(event);
                 },
                 limits) {}
    std::string out;
    std::string lines;
    audit::LoggedEvent last;
    audit::LineWindow window;
};

std::string through(const std::string& log) {
    Bench bench;
    bench.window.feed(log, 0);
    bench.window.finish();
    CHECK(bench.lines == log);
    return bench.out;
}

}  // namespace

TEST_CASE("an event is told behind its last record") {
    const auto call = record("SYSCALL", 1, "pid=7") + record("CWD", 1) + record("PROCTITLE", 1);
    CHECK(through(call + record("EOE", 1)) == call + record("EOE", 1) + "<1>");
    CHECK(through(call + record("USER_LOGIN", 2)) == call + "<1>" + record("USER_LOGIN", 2) + "<2>");
}

TEST_CASE("interleaved events, each behind its own last record") {
    const auto log = record("SYSCALL", 1) + record("SYSCALL", 2) + record("PATH", 1) + record("PROCTITLE", 2) +
                     record("PROCTITLE", 1);
    CHECK(through(log) == record("SYSCALL", 1) + record("SYSCALL", 2) + record("PATH", 1) + record("PROCTITLE", 2) +
                              "<2>" + record("PROCTITLE", 1) + "<1>");
}

TEST_CASE("what is no record goes through and adds nothing, also between an event's records") {
    const auto log = "one\n" + record("SYSCALL", 1) + "\n\ntwo\r\n" + record("PROCTITLE", 1) + "three";
    CHECK(through(log) == "one\n" + record("SYSCALL", 1) + "\n\ntwo\r\n" + record("PROCTITLE", 1) + "<1>three");
}

TEST_CASE("the same number on two hosts, or at another time, is another event") {
    const auto one = "node=a " + record("SYSCALL", 1);
    const auto two = "node=b " + record("SYSCALL", 1);
    const std::string three = "type=SYSCALL msg=audit(2000.000:1): \n";
    CHECK(through(one + two + three) == one + "<1>" + two + "<1>" + three + "<1>");
}

TEST_CASE("a last line without newline") {
    auto log = record("SYSCALL", 1);
    log.pop_back();
    Bench bench;
    bench.window.feed(log, 0);
    bench.window.finish();
    CHECK(bench.out == log + "<1>");
    CHECK(bench.last.open);
}

TEST_CASE("a record that comes when its event has been told makes it told again, of the same process") {
    audit::WindowLimits limits;
    limits.slack = 1;
    Bench bench(limits);
    bench.window.feed(record("SYSCALL", 1, "pid=7") + record("PROCTITLE", 1) + record("USER_LOGIN", 2), 0);
    CHECK(bench.out == record("SYSCALL", 1, "pid=7") + record("PROCTITLE", 1) + "<1>");
    bench.window.feed(record("CWD", 1), 0);
    bench.window.finish();
    CHECK(bench.lines.size() < bench.out.size());
    CHECK(bench.last.serial == 1);
    CHECK(bench.last.parties.subject == 7);
}

TEST_CASE("when input pauses, what is whole goes out soon, and what never ends after a while") {
    Bench bench;
    bench.window.feed(record("USER_LOGIN", 1) + record("SYSCALL", 2), 10'000'000);
    CHECK(bench.out.empty());
    bench.window.advance(10'000'099);
    CHECK(bench.out.empty());
    bench.window.advance(10'000'100);
    CHECK(bench.out == record("USER_LOGIN", 1) + "<1>");
    CHECK(bench.window.holds());
    bench.window.advance(10'001'000);
    CHECK(bench.out == record("USER_LOGIN", 1) + "<1>" + record("SYSCALL", 2) + "<2>");
    CHECK(!bench.window.holds());
}

TEST_CASE("an event waits until it is ripe, also a whole one") {
    audit::WindowLimits limits;
    limits.ripe_ms = 400;
    limits.slack = 0;
    Bench bench(limits);
    bench.window.feed(record("USER_LOGIN", 1), 1'000'050);
    CHECK(bench.out.empty());
    CHECK(bench.window.unripe_ms(1'000'050) == 350);
    bench.window.advance(1'000'400);
    CHECK(bench.out == record("USER_LOGIN", 1) + "<1>");
}

TEST_CASE("a line longer than can be held goes through in pieces, its event behind it") {
    audit::WindowLimits limits;
    limits.line_bytes_max = 1000;
    limits.bytes_max = 5000;
    Bench bench(limits);
    const auto log = record("SYSCALL", 1, "pid=7 " + std::string(20'000, 'x')) + record("USER_LOGIN", 2) +
                     std::string(20'000, 'y') + "\n" + record("USER_LOGIN", 3);
    for (std::size_t at = 0; at < log.size(); at += 300) bench.window.feed(log.substr(at, 300), 0);
    bench.window.finish();
    CHECK(bench.lines == log);
    CHECK(bench.out == record("SYSCALL", 1, "pid=7 " + std::string(20'000, 'x')) + "<1>" + record("USER_LOGIN", 2) +
                           "<2>" + std::string(20'000, 'y') + "\n" + record("USER_LOGIN", 3) + "<3>");
}

TEST_CASE("memory is bounded, whatever never ends") {
    audit::WindowLimits limits;
    limits.bytes_max = 100'000;
    Bench bench(limits);
    std::string log;
    for (int serial = 1; serial < 5000; ++serial) log += record("SYSCALL", serial, std::string(100, 'x'));
    bench.window.feed(log, 0);
    CHECK(log.size() - bench.lines.size() < 110'000);
    bench.window.finish();
    CHECK(bench.lines == log);
}

TEST_CASE("random logs, cut at random: every byte in order, every event once behind its last record") {
    for (unsigned seed = 1; seed <= 200; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        std::string log;
        std::string want;
        std::map<int, std::size_t> end_of;
        for (int i = 0; i < 300; ++i) {
            const int serial = i / 10 + static_cast<int>(random() % 5);
            const char* const types[] = {"SYSCALL", "PATH", "CWD", "AVC"};
            log += random() % 8 == 0 ? std::string("no record\n") : record(types[random() % 4], serial);
            if (log[log.size() - 2] != 'd') end_of[serial] = log.size();
        }
        std::map<std::size_t, int> told;
        for (const auto& [serial, end] : end_of) told[end] = serial;
        std::size_t done = 0;
        for (const auto& [end, serial] : told) {
            want += log.substr(done, end - done) + "<" + std::to_string(serial) + ">";
            done = end;
        }
        want += log.substr(done);
        Bench bench;
        for (std::size_t at = 0; at < log.size();) {
            const auto size = random() % 200;
            bench.window.feed(std::string_view(log).substr(at, size), 0);
            at += size;
        }
        bench.window.finish();
        CHECK(bench.out == want);
    }
}
