// Goal: whatever was lost, /proc is looked at again, and what nobody else tells is a gap. Method: every kind of loss is
// made, the overflowing queues with real netlink sockets of a family that needs no kernel behind it.
#include <algorithm>

#include "bench_of_sockets.hpp"

using namespace bench;
using capture::AuditFeed;
using capture::Capture;
using model::Control;
using model::Witness;

namespace {

constexpr capture::Timing at_once{.check_ms = 20, .reconcile_ms = 0};

/// What goes in at `ours` overflows the queue of `theirs`, as the kernel's own messages do; nothing where that is not
/// permitted.
struct Multicast {
    explicit Multicast(int queue_bytes) {
        sockaddr_nl group{};
        group.nl_family = AF_NETLINK;
        group.nl_groups = 1U << (::getpid() % 32);
        const int type = SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK;
        theirs.reset(::socket(AF_NETLINK, type, NETLINK_USERSOCK));
        ours.reset(::socket(AF_NETLINK, type, NETLINK_USERSOCK));
        ::setsockopt(theirs.get(), SOL_SOCKET, SO_RCVBUF, &queue_bytes, sizeof queue_bytes);
        const auto* const address = reinterpret_cast<const sockaddr*>(&group);
        permitted = ::bind(theirs.get(), address, sizeof group) == 0;
        if (permitted) REQUIRE(::connect(ours.get(), address, sizeof group) == 0);
    }
    void overflow_with(const std::string& datagram) const {
        for (int i = 0; i < 1000; ++i) (void)::send(ours.get(), datagram.data(), datagram.size(), 0);
    }
    base::UniqueFd ours;
    base::UniqueFd theirs;
    bool permitted = false;
};

void expect_look_at_proc(Capture& capture, const Sink& sink) {
    CHECK(sink.of(Control::snapshot_begin).empty());
    run_until(capture, [&] { return !sink.of(Control::snapshot_end).empty(); });
    CHECK(sink.of(Control::snapshot_end).size() == 1);
}

std::vector<bool> overruns_in(const Sink& sink) {
    std::vector<bool> told;
    for (const auto& frame : sink.of(Control::audit_overrun)) told.push_back(frame.payload == std::string(1, '\1'));
    return told;
}

bool has_gap(const Sink& sink, Witness witness, const std::string& why) {
    const auto lost = sink.of(Control::lost);
    return std::any_of(lost.begin(), lost.end(), [&](const Kept& frame) {
        const auto one = lost_of(frame);
        return one.witness == witness && one.why.find(why) != std::string::npos && one.from_ns <= one.to_ns;
    });
}

}  // namespace

TEST_CASE("records that the kernel has dropped") {
    Sink sink;
    Capture capture(sink, at_once);
    auto connector = make_pair();
    capture.attach_connector(std::move(connector.theirs));
    capture.lost_is(0);
    capture.lost_is(7);
    CHECK(has_gap(sink, Witness::audit, "the kernel dropped audit records"));
    expect_look_at_proc(capture, sink);
}

TEST_CASE("a multicast queue without room for a record") {
    Sink sink;
    Capture capture(sink, at_once);
    Multicast audit(4096);
    if (!audit.permitted) return;
    auto connector = make_pair();
    capture.attach_connector(std::move(connector.theirs));
    capture.attach_audit(std::move(audit.theirs), AuditFeed::multicast, false);
    capture.turn();
    REQUIRE(sink.of(Control::lost).empty());
    audit.overflow_with(audit_datagram(1300, "audit(1.0:1): "));
    capture.turn();
    CHECK(has_gap(sink, Witness::audit, "multicast receive queue overflowed"));
    expect_look_at_proc(capture, sink);
}

TEST_CASE(
    "a unicast queue without room: no loss is told before the serials tell it, but where they are to be doubted") {
    Sink sink;
    Capture capture(sink, at_once);
    Multicast audit(4096);
    if (!audit.permitted) return;
    auto connector = make_pair();
    capture.attach_connector(std::move(connector.theirs));
    capture.attach_audit(std::move(audit.theirs), AuditFeed::unicast, true);
    capture.turn();
    CHECK(overruns_in(sink).empty());
    audit.overflow_with(audit_datagram(1300, "audit(1.0:1): "));
    capture.turn();
    CHECK(overruns_in(sink) == std::vector<bool>{true, false});
    CHECK(sink.of(Control::lost).empty());
    capture.turn();
    CHECK(overruns_in(sink).size() == 2);
    expect_look_at_proc(capture, sink);
}

TEST_CASE("who takes a unicast queue over does not know whether it had room all along, until it is empty") {
    Sink sink;
    Capture capture(sink, at_once);
    REQUIRE(capture.resume());
    auto audit = make_pair();
    capture.attach_audit(std::move(audit.theirs), AuditFeed::unicast, true);
    CHECK(overruns_in(sink) == std::vector<bool>{true});
    capture.turn();
    CHECK(overruns_in(sink) == std::vector<bool>{true, false});
}

TEST_CASE("a connector's queue without room for an event") {
    Sink sink;
    Capture capture(sink, at_once);
    Multicast connector(4096);
    if (!connector.permitted) return;
    capture.attach_connector(std::move(connector.theirs));
    connector.overflow_with(connector_datagram(now_ns()));
    capture.turn();
    CHECK(has_gap(sink, Witness::connector, "the connector's receive queue overflowed"));
    expect_look_at_proc(capture, sink);
}

TEST_CASE("what happened while somebody had weakened the recording") {
    Sink sink;
    FakeWatch watch;
    Capture capture(sink, at_once);
    auto connector = make_pair();
    capture.attach_connector(std::move(connector.theirs));
    capture.watch_audit(watch, 0);
    watch.answer.reconcile = true;
    run_until(capture, [&] {
        if (watch.answered > 0) watch.answer.reconcile = false;
        return !sink.of(Control::snapshot_end).empty();
    });
    CHECK_FALSE(sink.of(Control::snapshot_end).empty());
}

TEST_CASE("what had weakened the recording before it began is written, and looked for in /proc") {
    Sink sink;
    Capture capture(sink, at_once);
    auto connector = make_pair();
    capture.attach_connector(std::move(connector.theirs));
    capture.found_before({});
    CHECK(sink.published == 0);
    capture.found_before({{5, model::Weakness::rate_limit, 3, 9, 7, 2, 4242, 0, "rate limit 0 -> 1"},
                          {5, model::Weakness::disabled, 3, 9, 7, 2, 4242, 0, "audit enabled 1 -> 0"}});
    CHECK(sink.published == 1);
    CHECK(sink.of(Control::tampered).size() == 2);
    expect_look_at_proc(capture, sink);
}

TEST_CASE("a heartbeat that nobody tells of is a gap of each, an alarm, and repaired") {
    Sink sink;
    Capture capture(sink, at_once);
    auto audit = make_pair();
    auto connector = make_pair();
    capture.attach_connector(std::move(connector.theirs));
    capture.attach_audit(std::move(audit.theirs), AuditFeed::unicast, true);
    auto helper = capture::HeartbeatHelper::start();
    REQUIRE(helper.has_value());
    constexpr model::Witnesses both = model::only(Witness::audit) | Witness::connector;
    std::vector<std::string> alarms;
    model::Witnesses repaired = 0;
    capture.on_alarm([&](const std::string& text) { alarms.push_back(text); });
    constexpr int period_s = 1;
    const auto due = static_cast<model::TimeNs>(now_ns()) - period_s * 1'000'000'000;
    capture.attach_heartbeat(capture::Heartbeat(both, period_s, due), *helper,
                             [&](model::Witnesses missing) { repaired = missing; });
    expect_look_at_proc(capture, sink);
    CHECK(repaired == both);
    CHECK(has_gap(sink, Witness::audit, "the heartbeat did not come through"));
    CHECK(has_gap(sink, Witness::connector, "the heartbeat did not come through"));
    REQUIRE(alarms.size() == 1);
    CHECK(alarms[0] == "the heartbeat did not come through (audit, connector); repairing");
}
