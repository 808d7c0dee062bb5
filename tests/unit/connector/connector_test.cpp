// Goal: connector messages become the right observations, also those of older kernels, and never read past their end.
// Method: messages are put together by hand from linux/cn_proc.h.
#include "lineage/connector/connector.hpp"

#include <doctest/doctest.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <cstring>
#include <string>
#include <vector>

using namespace lineage;

namespace {

std::string message_of(const proc_event& event, std::uint32_t seq = 7, std::size_t bytes = sizeof(proc_event)) {
    std::string out(sizeof(cn_msg), '\0');
    const cb_id id{CN_IDX_PROC, CN_VAL_PROC};
    const auto length = static_cast<std::uint16_t>(bytes);
    std::memcpy(out.data() + offsetof(cn_msg, id), &id, sizeof id);
    std::memcpy(out.data() + offsetof(cn_msg, seq), &seq, sizeof seq);
    std::memcpy(out.data() + offsetof(cn_msg, len), &length, sizeof length);
    return out.append(reinterpret_cast<const char*>(&event), bytes);
}

std::string datagram_of(const std::string& message) {
    nlmsghdr header{};
    header.nlmsg_len = static_cast<std::uint32_t>(NLMSG_LENGTH(message.size()));
    header.nlmsg_type = NLMSG_DONE;
    std::string out(reinterpret_cast<const char*>(&header), sizeof header);
    out += message;
    out.resize(NLMSG_ALIGN(out.size()));
    return out;
}

proc_event event_of(decltype(proc_event::what) what) {
    proc_event event{};
    event.what = what;
    event.cpu = 3;
    event.timestamp_ns = 123'456'789'012;
    return event;
}

template <class T>
T decoded(const std::string& message) {
    const auto observation = connector::decode(message);
    REQUIRE(observation.has_value());
    REQUIRE(std::holds_alternative<T>(*observation));
    return std::get<T>(*observation);
}

}  // namespace

TEST_CASE("a fork") {
    auto event = event_of(proc_event::PROC_EVENT_FORK);
    event.event_data.fork = {10, 11, 12, 13};
    const auto fork = decoded<model::ConnectorFork>(message_of(event));
    CHECK(fork.time_ns == 123'456'789'012);
    CHECK(fork.parent_tgid == 11);
    CHECK(fork.child_tid == 12);
    CHECK(fork.child_tgid == 13);
}

TEST_CASE("uid and gid events are told apart") {
    for (const bool group : {false, true}) {
        auto event = event_of(group ? proc_event::PROC_EVENT_GID : proc_event::PROC_EVENT_UID);
        event.event_data.id.process_tgid = 5;
        event.event_data.id.r.ruid = 1000;
        event.event_data.id.e.euid = 0;
        const auto id = decoded<model::ConnectorId>(message_of(event));
        CHECK(id.group == group);
        CHECK(id.real == 1000);
        CHECK(id.effective == 0);
    }
}

TEST_CASE("a comm that fills its field has no terminator") {
    auto event = event_of(proc_event::PROC_EVENT_COMM);
    std::memcpy(event.event_data.comm.comm, "0123456789abcdef", 16);
    CHECK(decoded<model::ConnectorComm>(message_of(event)).comm == "0123456789abcdef");
}

TEST_CASE("an exit tells its parent only where the kernel is new enough") {
    auto event = event_of(proc_event::PROC_EVENT_EXIT);
    event.event_data.exit = {20, 21, 0x0b80, 17, 1, 2};
    const auto exit = decoded<model::ConnectorExit>(message_of(event));
    CHECK(exit.wait_status == 0x0b80);
    CHECK(exit.tid == 20);
    CHECK(exit.tgid == 21);
    CHECK(exit.parent_tgid == 2);
    const std::size_t before_4_18 = offsetof(proc_event, event_data) + 16;
    CHECK(decoded<model::ConnectorExit>(message_of(event, 7, before_4_18)).parent_tgid == -1);
}

TEST_CASE("what says nothing about the tree, is foreign or cut is passed over") {
    CHECK_FALSE(connector::decode(message_of(event_of(proc_event::PROC_EVENT_SID))).has_value());
    CHECK_FALSE(connector::decode(message_of(event_of(proc_event::PROC_EVENT_NONE))).has_value());
    auto foreign = message_of(event_of(proc_event::PROC_EVENT_FORK));
    foreign[0] = 9;
    CHECK_FALSE(connector::decode(foreign).has_value());
    CHECK_FALSE(connector::stamp_of(foreign).has_value());
    const auto whole = message_of(event_of(proc_event::PROC_EVENT_EXIT));
    for (std::size_t size = 0; size < whole.size(); ++size) {
        // In an allocation of exactly that size, so that the sanitizer sees every byte too many.
        const std::vector<char> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        const auto observation = connector::decode({cut.data(), cut.size()});
        CHECK(observation.has_value() == (size >= sizeof(cn_msg) + offsetof(proc_event, event_data) + 16));
    }
}

TEST_CASE("a datagram is split into its messages; a lying length ends it") {
    const auto one = message_of(event_of(proc_event::PROC_EVENT_FORK));
    std::vector<std::string> taken;
    const auto take = [&](std::string_view message) { taken.emplace_back(message); };
    CHECK(connector::split(datagram_of(one) + datagram_of(one), take) == 2);
    CHECK(taken == std::vector<std::string>{one, one});
    auto lying = datagram_of(one);
    lying[0] = '\x7f';
    lying[1] = '\x7f';
    CHECK(connector::split(lying, take) == 0);
    lying[0] = lying[1] = 0;
    CHECK(connector::split(lying, take) == 0);
}

TEST_CASE("the sequence of each cpu tells holes, duplicates and survives a save") {
    connector::Sequence sequence;
    CHECK(sequence.step({0, 100, 10})->lost == 0);
    CHECK(sequence.step({1, 5, 20})->lost == 0);
    CHECK(sequence.step({0, 101, 30})->lost == 0);
    CHECK(sequence.step({1, 6, 40})->lost == 0);
    const auto hole = sequence.step({0, 105, 50});
    REQUIRE(hole);
    CHECK(hole->lost == 3);
    CHECK(hole->since_ns == 30);  // its own cpu's last word: the other's may have got through in between
    CHECK_FALSE(sequence.step({0, 105, 50}));
    std::string saved;
    base::Encoder out(saved);
    sequence.save(out);
    connector::Sequence again;
    base::Decoder in(saved);
    again.restore(in);
    CHECK(in.ok());
    CHECK(again.step({0, 106, 60})->lost == 0);
    CHECK(again.step({1, 8, 70})->lost == 1);
    CHECK(again.step({0, 108, 80})->since_ns == 60);
}

TEST_CASE("the sequence wraps") {
    connector::Sequence sequence;
    CHECK(sequence.step({0, 0xffffffffU, 0})->lost == 0);
    CHECK(sequence.step({0, 1, 0})->lost == 1);
}
