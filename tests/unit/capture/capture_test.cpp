// Goal: capture keeps its promise about order, loses nothing it received without saying so, and is silent when idle.
// Method: socket pairs instead of the kernel (bench_of_sockets.hpp); every test reads the frames that came out.
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/timex.h>

#include <algorithm>

#include "bench_of_sockets.hpp"
#include "lineage/procfs/entry.hpp"

using namespace bench;
using capture::AuditFeed;
using capture::Capture;
using model::Control;

TEST_CASE("connector events that came before a look stand before the audit records of that look") {
    Sink sink;
    Capture capture(sink);
    auto audit = make_pair();
    auto connector = make_pair();
    capture.attach_connector(std::move(connector.theirs));
    capture.attach_audit(std::move(audit.theirs), AuditFeed::unicast, true);
    for (std::uint32_t i = 0; i < 100; ++i) {
        send(audit.ours.get(), audit_datagram(1300, "audit(1.000:1): first"));
        send(connector.ours.get(), connector_datagram(now_ns(), i));
        CHECK(capture.turn());
    }
    const auto records = places_of(sink, model::Source::audit);
    const auto events = places_of(sink, model::Source::connector);
    REQUIRE(records.size() == 100);
    REQUIRE(events.size() == 100);
    for (std::size_t i = 0; i < 100; ++i) CHECK(events[i] < records[i]);
    CHECK(sink.of(Control::connector_drained).size() == 100);
    CHECK(sink.kept[events[0] + 1].is(Control::connector_drained));
    CHECK(sink.kept[events[0] + 2].source == model::Source::audit);
}

TEST_CASE("a connector that never falls silent does not hold the audit batch back") {
    Sink sink;
    Capture capture(sink);
    auto audit = make_pair();
    auto connector = make_pair(SOCK_SEQPACKET);  // its queue is not bounded by net.unix.max_dgram_qlen
    int bytes = 1 << 20;
    ::setsockopt(connector.ours.get(), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    capture.attach_connector(std::move(connector.theirs));
    capture.attach_audit(std::move(audit.theirs), AuditFeed::unicast, true);
    // Two batches and more, all of it stamped in the future, as if it had come after the look.
    std::size_t sent = 0;
    const auto future = connector_datagram(now_ns() + 60'000'000'000U);
    while (sent < 300 && ::send(connector.ours.get(), future.data(), future.size(), 0) > 0) ++sent;
    REQUIRE(sent > 256);
    send(audit.ours.get(), audit_datagram(1300, "audit(1.000:1): x"));
    capture.turn();
    CHECK(places_of(sink, model::Source::audit).size() == 1);
    CHECK(places_of(sink, model::Source::connector).size() == 128);  // one batch was enough to know
    while (capture.turn()) {
    }
    CHECK(places_of(sink, model::Source::connector).size() == sent);
}

TEST_CASE("records are journaled whole, commands and replies are not") {
    Sink sink;
    Capture capture(sink);
    auto audit = make_pair();
    capture.attach_audit(std::move(audit.theirs), AuditFeed::unicast, true);
    for (const int type : {2, 1000, 1013, 1329})  // NLMSG_ERROR, AUDIT_GET, AUDIT_LIST_RULES, AUDIT_REPLACE
        send(audit.ours.get(), audit_datagram(static_cast<std::uint16_t>(type), "no record"));
    for (const int type : {1005, 1006, 1100, 1300, 1320, 1701, 2999})
        send(audit.ours.get(), audit_datagram(static_cast<std::uint16_t>(type), "audit(1.0:1): "));
    const std::string longest(8970, 'x');
    send(audit.ours.get(), audit_datagram(1309, longest));
    capture.turn();
    std::vector<int> types;
    for (const auto place : places_of(sink, model::Source::audit)) types.push_back(sink.kept[place].type);
    CHECK(types == std::vector<int>{1005, 1006, 1100, 1300, 1320, 1701, 2999, 1309});
    CHECK(sink.kept.back().payload == longest);
}

TEST_CASE("idle is said once after silence, and then nothing") {
    Sink sink;
    Capture capture(sink);
    auto audit = make_pair();
    capture.attach_audit(std::move(audit.theirs), AuditFeed::unicast, true);
    send(audit.ours.get(), audit_datagram(1300, "audit(1.0:1): "));
    int looks = 0;
    run_until(capture, [&] { return ++looks > 30; });
    CHECK(sink.of(Control::idle).size() == 1);
    CHECK(sink.kept.back().is(Control::idle));
}

namespace {

/// Audit records whose payloads are "audit(1.0:N): ", N from `from` on, each in a turn of its own with a connector
/// event.
struct Sender {
    Pair audit = make_pair();
    Pair connector = make_pair();

    void attach(Capture& capture) {
        capture.attach_connector(std::move(connector.theirs));
        capture.attach_audit(std::move(audit.theirs), AuditFeed::unicast, true);
    }
    void send_some(Capture& capture, int from, int count) {
        for (int i = from; i < from + count; ++i) {
            send(audit.ours.get(), audit_datagram(1300, "audit(1.0:" + std::to_string(i) + "): "));
            send(connector.ours.get(), connector_datagram(1, static_cast<std::uint32_t>(i)));
            capture.turn();
        }
    }
};

std::vector<std::string> payloads_of(const Sink& sink, model::Source source) {
    std::vector<std::string> payloads;
    for (const auto place : places_of(sink, source)) payloads.push_back(sink.kept[place].payload);
    return payloads;
}

}  // namespace

TEST_CASE("a journal that is full for a while loses nothing: frames wait in memory, in order") {
    Sink sink;
    Capture capture(sink, {.reconcile_ms = 0, .retry_ms = 0});
    std::vector<bool> works;
    capture.on_journal([&](const base::Status& status) { works.push_back(status.has_value()); });
    Sender sender;
    sender.attach(capture);
    sink.full = true;
    sender.send_some(capture, 0, 10);
    CHECK(sink.attempts < 20);  // it is not hammered
    CHECK(capture.counters().audit == 10);
    CHECK(sink.of(Control::connector_drained).empty());
    CHECK(works == std::vector<bool>{false});
    sink.full = false;
    sender.send_some(capture, 10, 1);
    CHECK(works == std::vector<bool>{false, true});
    std::vector<std::string> expected;
    for (int i = 0; i < 11; ++i) expected.push_back("audit(1.0:" + std::to_string(i) + "): ");
    CHECK(payloads_of(sink, model::Source::audit) == expected);
    CHECK(places_of(sink, model::Source::connector).size() == 11);
    for (std::size_t i = 0; i < 11; ++i)
        CHECK(places_of(sink, model::Source::connector)[i] < places_of(sink, model::Source::audit)[i]);
    CHECK(sink.of(Control::lost).empty());
    CHECK(capture.counters().dropped == 0);
}

TEST_CASE("what waits for a full journal is bounded: the oldest goes, and a gap says how much and when") {
    Sink sink;
    Capture capture(sink, {.reconcile_ms = 0, .retry_ms = 0, .waiting_bytes_max = 4096});
    Sender sender;
    sink.full = true;
    sender.attach(capture);
    sender.send_some(capture, 0, 200);
    CHECK(capture.counters().audit == 200);
    sink.full = false;
    sender.send_some(capture, 200, 1);
    const auto records = payloads_of(sink, model::Source::audit);
    REQUIRE(records.size() > 5);
    REQUIRE(records.size() < 100);
    for (std::size_t i = 0; i < records.size(); ++i)
        CHECK(records[i] == "audit(1.0:" + std::to_string(201 - records.size() + i) + "): ");
    // What says how to read the rest was kept, although it was the oldest.
    CHECK(sink.kept[0].is(Control::connector_up));
    CHECK(sink.kept[1].is(Control::audit_up));
    const auto lost = sink.of(Control::lost);
    REQUIRE(lost.size() == 2);
    CHECK(sink.kept[2].is(Control::lost));
    CHECK(lost_of(lost[0]).witness == model::Witness::audit);
    CHECK(lost_of(lost[0]).count == static_cast<std::int64_t>(201 - records.size()));
    CHECK(lost_of(lost[0]).why.find("No space left") != std::string::npos);
    CHECK(lost_of(lost[0]).from_ns < lost_of(lost[0]).to_ns);
    CHECK(lost_of(lost[1]).witness == model::Witness::connector);
    CHECK(lost_of(lost[1]).count == static_cast<std::int64_t>(201 - places_of(sink, model::Source::connector).size()));
    run_until(capture, [&] { return !sink.of(Control::snapshot_end).empty(); });
    CHECK(sink.of(Control::snapshot_end).size() == 1);  // what was missed is looked up in /proc
}

TEST_CASE("what outlives the others while a full journal is waited for is bounded, too") {
    CHECK(capture::Timing{}.waiting_bytes_max == 64U << 20);  // README's figure
    Sink sink;
    Capture capture(sink, {.reconcile_ms = 0, .retry_ms = 0, .waiting_bytes_max = 4096});
    sink.full = true;
    for (std::uint32_t i = 1; i <= 6000; ++i) capture.lost_is(i);
    CHECK(capture.counters().dropped > 1000);
    sink.full = false;
    capture.lost_is(6001);
    CHECK(sink.kept.size() > 4096);
    CHECK(sink.kept.size() < 4096 + 100);
    CHECK(capture.counters().dropped + sink.kept.size() == 6001);
}

TEST_CASE("a full journal is tried again also when nothing comes any more") {
    Sink sink;
    Capture capture(sink, {.retry_ms = 5});
    Sender sender;
    sink.full = true;
    sender.attach(capture);
    sender.send_some(capture, 0, 1);
    int looks = 0;
    run_until(capture, [&] {
        if (++looks == 20) sink.full = false;
        return !places_of(sink, model::Source::audit).empty();
    });
    CHECK(sink.attempts > 5);
    CHECK(places_of(sink, model::Source::audit).size() == 1);
}

TEST_CASE("questions are answered once each, from /proc, with the connector drained before") {
    Sink sink;
    Capture capture(sink);
    int pipe[2];
    REQUIRE(::pipe2(pipe, O_CLOEXEC) == 0);
    capture.attach_questions(base::UniqueFd(pipe[0]));
    const model::Pid me = ::getpid();
    const model::Pid asked[] = {me, me, 0x7ffffffe, me};
    REQUIRE(::write(pipe[1], asked, sizeof asked) == sizeof asked);
    run_until(capture, [&] { return !places_of(sink, model::Source::procfs).empty(); });
    const auto answers = places_of(sink, model::Source::procfs);
    REQUIRE(answers.size() == 1);
    const auto seen = procfs::decode(sink.kept[answers[0]].payload);
    REQUIRE(seen.has_value());
    CHECK(seen->pid == me);
    ::close(pipe[1]);
}

TEST_CASE("a tracker that dies takes nothing along") {
    Sink sink;
    Capture capture(sink);
    int pipe[2];
    REQUIRE(::pipe2(pipe, O_CLOEXEC) == 0);
    capture.attach_questions(base::UniqueFd(pipe[0]));
    ::close(pipe[1]);
    int looks = 0;
    run_until(capture, [&] { return ++looks > 5; });
}

TEST_CASE("the snapshot holds this process and serves the sockets meanwhile") {
    Sink sink;
    Capture capture(sink);
    auto audit = make_pair();
    auto connector = make_pair();
    capture.attach_connector(std::move(connector.theirs));
    capture.attach_audit(std::move(audit.theirs), AuditFeed::unicast, true);
    send(audit.ours.get(), audit_datagram(1300, "audit(1.0:1): "));
    send(connector.ours.get(), connector_datagram(now_ns()));
    capture.snapshot();
    bool here = false;
    for (const auto place : places_of(sink, model::Source::procfs))
        here |= procfs::decode(sink.kept[place].payload)->pid == ::getpid();
    CHECK(here);
    CHECK(sink.kept.back().is(Control::snapshot_end));
    CHECK(places_of(sink, model::Source::connector).front() < places_of(sink, model::Source::procfs).front());
    CHECK(places_of(sink, model::Source::audit).size() == 1);
    CHECK(base::Decoder(sink.kept.back().payload).get<std::int64_t>() ==
          base::Decoder(sink.of(Control::snapshot_begin).front().payload).get<std::int64_t>());
}

TEST_CASE("the kernel's lost counter becomes a gap by its difference, also when someone resets it") {
    Sink sink;
    FakeWatch watch;
    Capture capture(sink, {.check_ms = 20});
    auto audit = make_pair();
    capture.attach_audit(std::move(audit.theirs), AuditFeed::unicast, true);
    capture.watch_audit(watch, 100);
    watch.answer.lost = 107;
    send(audit.ours.get(), audit_datagram(1300, "audit(1.0:1): "));
    run_until(capture, [&] { return !sink.of(Control::lost).empty(); });
    capture.lost_is(107);
    capture.lost_is(2);
    const auto lost = sink.of(Control::lost);
    REQUIRE(lost.size() == 2);
    CHECK(lost_of(lost[0]).count == 7);
    CHECK(lost_of(lost[0]).witness == model::Witness::audit);
    CHECK(lost_of(lost[1]).count == 2);
}

TEST_CASE("a record of a changed configuration makes it look at once, others do not") {
    Sink sink;
    FakeWatch watch;
    Capture capture(sink, {.check_ms = 3'600'000, .spacing_ms = 5});
    auto audit = make_pair();
    capture.attach_audit(std::move(audit.theirs), AuditFeed::unicast, true);
    capture.watch_audit(watch, 0);
    std::vector<std::string> alarms;
    capture.on_alarm([&](const std::string& text) { alarms.push_back(text); });
    int looks_after_record = 0;
    run_until(capture, [&] {
        if (watch.answered == 1 && watch.answer.alarms.empty()) {
            watch.answer.tampering.push_back(
                {5, model::Weakness::rate_limit, 3, 9, 7, 2, 4242, 0, "rate limit 0 -> 1"});
            watch.answer.alarms.emplace_back("tampering");
            send(audit.ours.get(), audit_datagram(1300, "audit(1.0:1): "));
        }
        if (capture.counters().audit == 1 && ++looks_after_record == 10) {  // ten times the spacing
            CHECK(watch.asked == 1);
            send(audit.ours.get(), audit_datagram(AUDIT_CONFIG_CHANGE, "audit(1.0:2): "));
        }
        return !alarms.empty();
    });
    CHECK(watch.asked == 2);
    const auto looked = sink.of(Control::audit_looked);
    REQUIRE(looked.size() == 2);
    const auto change = std::find_if(sink.kept.begin(), sink.kept.end(), [](const Kept& frame) {
        return frame.source == model::Source::audit && frame.type == AUDIT_CONFIG_CHANGE;
    });
    REQUIRE(change != sink.kept.end());
    base::Decoder look(looked[1].payload);
    CHECK(look.get<std::int64_t>() >= change->received_ns);  // the tracker goes by that: it came after the change
    CHECK(look.get<std::int64_t>() > change->received_ns);
    CHECK(look.get<std::int64_t>() == watch.answer.excludes);
    CHECK(look.get<std::int64_t>() == base::Decoder(looked[0].payload).get<std::int64_t>());  // the one before
    CHECK(change->received_ns > 0);
    const auto told = sink.of(Control::tampered);
    REQUIRE(told.size() == 1);
    base::Decoder in(told[0].payload);
    CHECK(in.get<std::int64_t>() == 5);
    CHECK(in.get<model::Weakness>() == model::Weakness::rate_limit);
    CHECK(in.get<std::int64_t>() == 3);
    CHECK(in.get<std::int64_t>() == 9);
    CHECK(in.get<std::int64_t>() == 2);
    CHECK(in.get<std::int32_t>() == 4242);
    CHECK(in.get_bytes() == "rate limit 0 -> 1");
}

TEST_CASE("it looks without any record, too") {
    Sink sink;
    FakeWatch watch;
    Capture capture(sink, {.check_ms = 10, .spacing_ms = 1});
    capture.watch_audit(watch, 0);
    run_until(capture, [&] { return watch.asked >= 3; });
    CHECK(watch.asked >= 3);
}

TEST_CASE("a hole in the connector's sequence makes it look at /proc again") {
    Sink sink;
    Capture capture(sink, {.reconcile_ms = 0});
    auto connector = make_pair();
    capture.attach_connector(std::move(connector.theirs));
    send(connector.ours.get(), connector_datagram(now_ns(), 7));
    send(connector.ours.get(), connector_datagram(now_ns(), 8));
    capture.turn();
    send(connector.ours.get(), connector_datagram(now_ns(), 10));
    run_until(capture, [&] { return !sink.of(Control::snapshot_end).empty(); });
    CHECK(sink.of(Control::snapshot_end).size() == 1);
    CHECK(places_of(sink, model::Source::connector)[2] < places_of(sink, model::Source::procfs).front());
}

TEST_CASE("without the connector it looks at /proc again now and then, with it only when something was lost") {
    Sink sink;
    Capture alone(sink, {.look_s = 0});
    alone.snapshot();
    run_until(alone, [&] { return sink.of(Control::snapshot_end).size() >= 2; });
    CHECK(sink.of(Control::snapshot_end).size() >= 2);
    Sink other;
    Capture both(other, {.look_s = 0});
    auto connector = make_pair();
    both.attach_connector(std::move(connector.theirs));
    both.snapshot();
    send(connector.ours.get(), connector_datagram(now_ns(), 7));
    run_until(both, [&] { return !other.of(Control::connector_drained).empty(); });
    CHECK(other.of(Control::snapshot_end).size() == 1);
}

TEST_CASE("a plugin's lines arrive whole however they were cut, and its end ends the run") {
    Sink sink;
    Capture capture(sink);
    auto lines = make_pair(SOCK_STREAM);
    capture.attach_audit(std::move(lines.theirs), AuditFeed::lines, false);
    send(lines.ours.get(), "type=SYSCALL msg=au");
    capture.turn();
    CHECK(places_of(sink, model::Source::audit_line).empty());
    send(lines.ours.get(), std::string("dit(1.0:1): a\0b\n\ntype=EOE\ntype=LAST", 35));
    capture.turn();
    lines.ours.reset();
    capture.run();
    const auto places = places_of(sink, model::Source::audit_line);
    REQUIRE(places.size() == 3);
    CHECK(sink.kept[places[0]].payload == std::string("type=SYSCALL msg=audit(1.0:1): a\0b", 34));
    CHECK(sink.kept[places[1]].payload == "type=EOE");
    CHECK(sink.kept[places[2]].payload == "type=LAST");
}

TEST_CASE("a plugin's input that blocks and says nothing keeps nobody waiting") {
    Sink sink;
    Capture capture(sink);
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const base::UniqueFd silent(ends[1]);
    ::alarm(20);  // else it would be for ever
    capture.attach_audit(base::UniqueFd(ends[0]), AuditFeed::lines, false);
    auto connector = make_pair();
    capture.attach_connector(std::move(connector.theirs));
    send(connector.ours.get(), connector_datagram(now_ns(), 7));
    bool wrote = false;
    run_until(capture, [&] {
        if (!wrote && !places_of(sink, model::Source::connector).empty())
            wrote = ::write(silent.get(), "type=EOE\n", 9) == 9;
        return !places_of(sink, model::Source::audit_line).empty();
    });
    ::alarm(0);
    CHECK(places_of(sink, model::Source::audit_line).size() == 1);
}

TEST_CASE("a line of 1 MiB without a newline is cut, and the next one is whole") {
    Sink sink;
    Capture capture(sink);
    char name[] = "/tmp/lineage-lines-XXXXXX";
    base::UniqueFd file(::mkstemp(name));
    ::unlink(name);
    const std::string input = std::string((1 << 20) + 100, 'x') + "\nnext\n";
    REQUIRE(::write(file.get(), input.data(), input.size()) == static_cast<ssize_t>(input.size()));
    ::lseek(file.get(), 0, SEEK_SET);
    capture.attach_audit(std::move(file), AuditFeed::lines, false);
    capture.run();  // a plain file cannot be waited for, and ends
    const auto places = places_of(sink, model::Source::audit_line);
    REQUIRE(places.size() == 2);
    CHECK(sink.kept[places[0]].payload == std::string(64 << 10, 'x'));
    CHECK(sink.kept[places[1]].payload == "next");
}

TEST_CASE("a clock that was set and a machine that slept are told at once, and /proc is looked at again") {
    for (const bool slept : {false, true}) {
        Sink sink;
        Capture capture(sink, {.check_ms = 0, .reconcile_ms = 0});
        procfs::ClockOffsets clocks{5'000'000'000, 5'000'000'000};
        capture.measure_clocks_by([&] { return clocks; });
        Sender sender;
        sender.attach(capture);
        sender.send_some(capture, 0, 3);
        REQUIRE(sink.of(Control::clock).empty());
        clocks.real_minus_boot_ns += 5'000'000;  // slewed
        sender.send_some(capture, 3, 1);
        CHECK(sink.of(Control::clock).size() == 1);
        clocks.real_minus_mono_ns += 60'000'000'000;
        if (!slept) clocks.real_minus_boot_ns += 60'000'000'000;
        sender.send_some(capture, 4, 1);
        const auto told = sink.of(Control::clock);
        REQUIRE(told.size() == 2);
        base::Decoder in(told[1].payload);
        CHECK(in.get<std::int64_t>() == 65'000'000'000);
        CHECK(in.get<std::int64_t>() == (slept ? 5'005'000'000 : 65'005'000'000));
        CHECK(sink.of(Control::snapshot_end).empty());
        run_until(capture, [&] { return !sink.of(Control::snapshot_end).empty(); });
        CHECK(sink.of(Control::snapshot_end).size() == 1);
    }
}

namespace {

/// Shifts this machine's clock, so that those who wait for that are woken; true where that is permitted.
bool shift_clock(long ns) {
    timex shift{};
    shift.modes = ADJ_SETOFFSET | ADJ_NANO;
    shift.time.tv_sec = ns < 0 ? -1 : 0;
    shift.time.tv_usec = ns < 0 ? 1'000'000'000 + ns : ns;
    return ::clock_adjtime(CLOCK_REALTIME, &shift) >= 0;
}

}  // namespace

TEST_CASE("a clock that is set wakes it, though nothing else is going on") {
    Sink sink;
    Capture capture(sink, {.check_ms = 3'600'000, .reconcile_ms = 0});
    procfs::ClockOffsets clocks{5'000'000'000, 5'000'000'000};
    capture.measure_clocks_by([&] { return clocks; });
    capture.turn();  // the next look is an hour away
    clocks.real_minus_mono_ns += 60'000'000'000;
    clocks.real_minus_boot_ns += 60'000'000'000;
    constexpr long hardly_ns = 1000;
    if (!shift_clock(hardly_ns)) return;
    REQUIRE(shift_clock(-hardly_ns));
    run_until(capture, [&] { return !sink.of(Control::snapshot_end).empty(); });
    CHECK(sink.of(Control::clock).size() == 1);
    CHECK(sink.of(Control::snapshot_end).size() == 1);
}

TEST_CASE("the clocks are looked at once more after the last record") {
    Sink sink;
    Capture capture(sink, {.idle_ms = 3'600'000, .check_ms = 100, .reconcile_ms = 3'600'000});
    procfs::ClockOffsets clocks{5'000'000'000, 5'000'000'000};
    capture.measure_clocks_by([&] {
        if (clocks.real_minus_mono_ns > 5'000'000'000) capture.stop();
        return clocks;
    });
    Sender sender;
    sender.attach(capture);
    capture.turn();  // they are looked at now and in 100 ms
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    sender.send_some(capture, 0, 1);
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    sender.send_some(capture, 1, 1);
    clocks.real_minus_mono_ns += 60'000'000'000;
    const base::UniqueFd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
    const itimerspec in_a_second{{}, {1, 0}};
    REQUIRE(::timerfd_settime(timer.get(), 0, &in_a_second, nullptr) == 0);
    bool in_time = true;
    capture.watch(timer.get(), [&] {  // whatever wakes it makes it look
        in_time = false;
        capture.stop();
    });
    capture.run();
    CHECK(in_time);
    CHECK(sink.of(Control::clock).size() == 1);
}

TEST_CASE("who takes over compares the clocks with those that were handed down") {
    Sink sink;
    auto window = capture::Window::of_own();
    window.carried().real_minus_mono_ns = window.carried().real_minus_boot_ns = 5'000'000'000;
    Capture capture(sink, {.check_ms = INT32_MAX, .reconcile_ms = 0}, std::move(window));
    REQUIRE(capture.resume());
    run_until(capture, [&] { return !sink.of(Control::clock).empty(); });
    CHECK(sink.of(Control::clock).size() == 1);
}
