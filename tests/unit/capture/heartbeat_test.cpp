// Goal: a beat that comes through both witnesses is no news; one that is missing is a loss with its interval, told once
// and alarmed about once, however long it goes on. Method: beats, frames and the time by hand.
#include "lineage/capture/heartbeat.hpp"

#include "bench_of_sockets.hpp"

using namespace lineage;
using capture::Heartbeat;
using model::Witness;

namespace {

constexpr model::TimeNs s = 1'000'000'000;
constexpr pid_t helper = 4242;
constexpr model::Witnesses both = model::only(Witness::audit) | Witness::connector;

void audit_tells(Heartbeat& heartbeat, const std::string& fields) {
    heartbeat.see({.source = model::Source::audit, .type = AUDIT_SYSCALL, .payload = fields});
}

void connector_tells(Heartbeat& heartbeat, pid_t parent) {
    std::string datagram = bench::connector_datagram(1);
    const std::size_t event_at = NLMSG_HDRLEN + sizeof(cn_msg);
    proc_event event{};
    std::memcpy(&event, datagram.data() + event_at, sizeof event);
    event.event_data.fork.parent_tgid = parent;
    event.event_data.fork.child_pid = event.event_data.fork.child_tgid = 4243;
    std::memcpy(datagram.data() + event_at, &event, sizeof event);
    heartbeat.see({.source = model::Source::connector, .payload = std::string_view(datagram).substr(NLMSG_HDRLEN)});
}

}  // namespace

TEST_CASE("a beat that both tell of is over at once, and the next one comes a period later") {
    Heartbeat heartbeat(both, 10, 0);
    const auto due = heartbeat.due_ns();
    CHECK(due <= s);
    heartbeat.begin(helper, due);
    CHECK_FALSE(heartbeat.verdict(due));
    connector_tells(heartbeat, 1);
    audit_tells(heartbeat, "audit(1.0:1): pid=42420 ppid=4242");
    CHECK_FALSE(heartbeat.verdict(due));
    connector_tells(heartbeat, helper);
    CHECK_FALSE(heartbeat.verdict(due));
    audit_tells(heartbeat, "audit(1.0:1): syscall=56 success=yes exit=4243 ppid=1 pid=4242 auid=0");
    const auto verdict = heartbeat.verdict(due);
    REQUIRE(verdict);
    CHECK(verdict->missing == 0);
    CHECK(verdict->lost.empty());
    CHECK(heartbeat.due_ns() == due + 10 * s);
}

TEST_CASE("one that audit does not tell of is a loss of audit's since the last good one, and soon tried again") {
    Heartbeat heartbeat(both, 10, 0);
    heartbeat.begin(helper, s);
    connector_tells(heartbeat, helper);
    CHECK_FALSE(heartbeat.verdict(heartbeat.due_ns() - 1));
    const auto late = heartbeat.due_ns();
    CHECK(late <= 6 * s);
    const auto verdict = heartbeat.verdict(late);
    REQUIRE(verdict);
    CHECK(verdict->missing == model::only(Witness::audit));
    CHECK(verdict->alarm);
    REQUIRE(verdict->lost.size() == 1);
    CHECK(verdict->lost[0].witness == Witness::audit);
    CHECK(verdict->lost[0].from_ns == 0);
    CHECK(verdict->lost[0].to_ns == late);
    CHECK(heartbeat.due_ns() <= late + 2 * s);
}

TEST_CASE("a loss that goes on is told seldom, and whole when it ends") {
    Heartbeat heartbeat(model::only(Witness::connector), 1, 0);
    std::size_t told = 0;
    int alarms = 0;
    model::TimeNs covered_to = 0;
    const auto note = [&](const Heartbeat::Verdict& verdict) {
        alarms += verdict.alarm ? 1 : 0;
        for (const auto& one : verdict.lost) {
            CHECK(one.from_ns == covered_to);  // no hole between, and nothing twice
            covered_to = one.to_ns;
            ++told;
        }
    };
    for (int i = 0; i < 1000; ++i) {
        heartbeat.begin(helper, heartbeat.due_ns());
        const auto verdict = heartbeat.verdict(heartbeat.due_ns());
        REQUIRE(verdict);
        note(*verdict);
    }
    CHECK(told < 15);
    const auto back = heartbeat.due_ns();
    heartbeat.begin(helper, back);
    connector_tells(heartbeat, helper);
    note(*heartbeat.verdict(back + 1));
    CHECK(covered_to == back);
    CHECK(alarms == 1);
    heartbeat.begin(helper, heartbeat.due_ns());
    connector_tells(heartbeat, helper);
    note(*heartbeat.verdict(heartbeat.due_ns() + 2 * s));
    CHECK(covered_to == back);
}
