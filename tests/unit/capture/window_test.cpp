// Goal: whatever instant capture is killed at, what it had received is in the journal once, in order, when the next one
// has gone on with its window; connector events still stand before audit records that were received after them. Method:
// a child receives from socket pairs and kills itself in its k-th append, for every k; the parent takes the memfd over
// with a real journal.
#include "lineage/capture/window.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <thread>

#include "bench_of_sockets.hpp"
#include "lineage/journal/journal.hpp"

using namespace bench;
using capture::AuditFeed;
using capture::Capture;
using capture::Window;
using model::Control;

namespace {

constexpr int records = 20;
constexpr int events = 12;

struct Folder {
    Folder() { REQUIRE(::mkdtemp(path) != nullptr); }
    ~Folder() { std::filesystem::remove_all(path); }
    char path[32] = "/tmp/lineage-window-XXXXXX";
};

/// The journal, and a death in the append of a given frame: before it, or half of it (as far as that can be had:
/// after).
class DeadlySink final : public capture::FrameSink {
public:
    DeadlySink(journal::Writer& writer, int left, bool after) : writer_(writer), left_(left), after_(after) {}
    base::Status append(const model::Frame& frame) override {
        const bool dies = left_-- == 0;
        if (dies && !after_) ::kill(::getpid(), SIGKILL);
        auto appended = writer_.append(frame);
        if (dies) ::kill(::getpid(), SIGKILL);
        return appended;
    }
    void publish() override { writer_.publish(); }
    [[nodiscard]] std::uint64_t position() const override { return writer_.end(); }

private:
    journal::Writer& writer_;
    int left_;
    bool after_;
};

void attach(Capture& capture, const Pair& audit, const Pair& connector) {
    capture.attach_connector(base::UniqueFd(::dup(connector.theirs.get())));
    capture.attach_audit(base::UniqueFd(::dup(audit.theirs.get())), AuditFeed::unicast, true);
}

std::string record_text(int number) {
    return "audit(1.000:" + std::to_string(number) + "): x";
}

struct Story {
    std::vector<std::string> audit;
    std::vector<std::string> connector;
    bool ordered = true;  ///< no event behind a record that came after it
    bool resumed = false;
};

Story read_story(const std::string& folder) {
    Story story;
    auto reader = journal::Reader::open(folder);
    REQUIRE(reader.has_value());
    model::Frame frame;
    for (auto next = reader->next(frame); next && *next == journal::Reader::Next::frame; next = reader->next(frame)) {
        if (frame.source == model::Source::audit) story.audit.emplace_back(frame.payload);
        if (frame.source == model::Source::connector) {
            story.connector.emplace_back(frame.payload);
            story.ordered &= story.audit.empty();
        }
        story.resumed |=
            frame.source == model::Source::control && frame.type == static_cast<std::uint16_t>(Control::resumed);
    }
    return story;
}

/// Everything is sent first: all events are older than the look that brings the records.
Story die_and_go_on(int at, bool after) {
    const Folder folder;
    auto audit = make_pair(SOCK_SEQPACKET);
    auto connector = make_pair(SOCK_SEQPACKET);
    auto window = Window::make();
    REQUIRE(window.has_value());
    for (int i = 0; i < events; ++i)
        send(connector.ours.get(), connector_datagram(now_ns(), static_cast<std::uint32_t>(i)));
    for (int i = 0; i < records; ++i) send(audit.ours.get(), audit_datagram(1300, record_text(i)));
    base::UniqueFd memfd(::dup(window->fd()));
    const pid_t child = ::fork();
    if (child == 0) {
        auto writer = journal::Writer::open(folder.path);
        DeadlySink sink(*writer, at, after);
        Capture capture(sink, {}, std::move(*Window::adopt(std::move(memfd))));  // a child has no part in ours
        (void)capture.begin({});
        attach(capture, audit, connector);
        while (capture.turn()) {
        }
        ::kill(::getpid(), SIGKILL);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    REQUIRE(WTERMSIG(status) == SIGKILL);
    auto writer = journal::Writer::open(folder.path);
    REQUIRE(writer.has_value());
    auto left = Window::adopt(std::move(memfd));
    REQUIRE(left.has_value());
    left->settle(folder.path);
    DeadlySink sink(*writer, -1, false);
    {
        Capture capture(sink, {}, std::move(*left));
        REQUIRE(capture.resume().has_value());
        attach(capture, audit, connector);
        while (capture.turn()) {
        }
    }
    return read_story(folder.path);
}

}  // namespace

TEST_CASE("killed in any append, before or after it, everything is in the journal once and in order") {
    std::vector<std::string> wanted;
    for (int i = 0; i < records; ++i) wanted.push_back(record_text(i));
    // boot, connector_up, audit_up, the events, drained, the records; and a death when all is done
    for (int at = 0; at < records + events + 6; ++at) {
        for (const bool after : {false, true}) {
            CAPTURE(at);
            CAPTURE(after);
            const auto story = die_and_go_on(at, after);
            CHECK(story.audit == wanted);
            CHECK(story.connector.size() == events);
            CHECK(std::adjacent_find(story.connector.begin(), story.connector.end()) == story.connector.end());
            CHECK(story.ordered);
            CHECK(story.resumed);
        }
    }
}

TEST_CASE("a window of another layout is refused") {
    base::UniqueFd small(::memfd_create("small", MFD_CLOEXEC));
    REQUIRE(::ftruncate(small.get(), 4096) == 0);
    CHECK_FALSE(Window::adopt(std::move(small)).has_value());
    auto window = Window::make();
    REQUIRE(window.has_value());
    base::UniqueFd memfd(::dup(window->fd()));
    REQUIRE(::pwrite(memfd.get(), "LNGWNDW0", 8, 0) == 8);
    CHECK_FALSE(Window::adopt(std::move(memfd)).has_value());
}

TEST_CASE("that something waited in memory for a full journal when capture died is known until the journal works") {
    auto window = Window::make();
    REQUIRE(window.has_value());
    base::UniqueFd memfd(::dup(window->fd()));
    auto audit = make_pair(SOCK_SEQPACKET);
    auto connector = make_pair(SOCK_SEQPACKET);
    const auto real_ns = [] { return std::chrono::system_clock::now().time_since_epoch().count(); };
    const auto waiting_since_ns = [&] {
        return Window::adopt(base::UniqueFd(::dup(memfd.get())))->carried().waiting_since_ns;
    };
    Sink before;
    {
        Capture capture(before, {.reconcile_ms = 0, .retry_ms = 0}, std::move(*window));
        REQUIRE(capture.begin({}).has_value());
        attach(capture, audit, connector);
        before.full = true;
        for (int i = 0; i < 3; ++i) {
            send(audit.ours.get(), audit_datagram(1300, record_text(i)));
            capture.turn();
        }
    }
    const auto since_ns = waiting_since_ns();
    CHECK(since_ns != 0);
    CHECK(since_ns < real_ns());
    Sink full;
    full.full = true;
    CHECK_FALSE(Capture(full, {}, std::move(*Window::adopt(base::UniqueFd(::dup(memfd.get()))))).resume());
    full.passes = true;  // then it begins all the same, and what it says waits
    {
        Capture capture(full, {}, std::move(*Window::adopt(base::UniqueFd(::dup(memfd.get())))));
        REQUIRE(capture.begin({}).has_value());
        attach(capture, audit, connector);
        send(audit.ours.get(), audit_datagram(1300, record_text(3)));
        capture.turn();
        CHECK(waiting_since_ns() == since_ns);
    }
    Sink after;
    Capture capture(after, {}, std::move(*Window::adopt(base::UniqueFd(::dup(memfd.get())))));
    REQUIRE(capture.begin({}).has_value());
    attach(capture, audit, connector);
    send(audit.ours.get(), audit_datagram(1300, record_text(4)));
    capture.turn();
    CHECK(waiting_since_ns() == 0);
}

TEST_CASE("what waited and went into the journal after all is no gap") {
    auto window = Window::make();
    REQUIRE(window.has_value());
    base::UniqueFd memfd(::dup(window->fd()));
    auto audit = make_pair(SOCK_SEQPACKET);
    auto connector = make_pair(SOCK_SEQPACKET);
    Sink sink;
    {
        Capture capture(sink, {.reconcile_ms = 0, .retry_ms = 1}, std::move(*window));
        REQUIRE(capture.begin({}).has_value());
        attach(capture, audit, connector);
        sink.full = true;
        send(audit.ours.get(), audit_datagram(1300, record_text(0)));
        capture.turn();
        sink.full = false;
        auto end = make_pair();
        capture.watch(end.theirs.get(), [&] { capture.stop(); });
        std::thread ending([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds(200));
            send(end.ours.get(), "x");
        });
        capture.run();
        ending.join();
        capture.unwatch(end.theirs.get());
    }
    Capture capture(sink, {}, std::move(*Window::adopt(std::move(memfd))));
    REQUIRE(capture.resume().has_value());
    for (const auto& frame : sink.of(Control::lost)) FAIL(lost_of(frame).why);
}

TEST_CASE("what the kernel has counted as lost since the death is told from the last look on") {
    class Counter final : public capture::AuditWatch {
    public:
        int fd() override { return never.get(); }
        void request() override {}
        std::optional<Answer> take() override { return std::nullopt; }
        base::UniqueFd never = std::move(make_pair().theirs);
    };
    auto window = Window::make();
    REQUIRE(window.has_value());
    base::UniqueFd memfd(::dup(window->fd()));
    Sink sink;
    Counter counter;
    std::int64_t looked_ns = 0;
    {
        Capture capture(sink, {}, std::move(*window));
        REQUIRE(capture.begin({}).has_value());
        capture.watch_audit(counter, 114);
        capture.lost_is(114);
        looked_ns = Window::adopt(base::UniqueFd(::dup(memfd.get())))->carried().lost_checked_ns;
    }
    CHECK(sink.of(Control::lost).empty());
    Capture capture(sink, {}, std::move(*Window::adopt(std::move(memfd))));
    REQUIRE(capture.resume().has_value());
    capture.watch_audit(counter, 120);            // what it is now: lost while nobody looked
    REQUIRE(sink.of(Control::lost).size() == 1);  // at once: the next answer may come after the next death
    const auto lost = lost_of(sink.of(Control::lost)[0]);
    CHECK(lost.count == 6);
    CHECK(lost.from_ns == looked_ns);
    capture.lost_is(121);
    REQUIRE(sink.of(Control::lost).size() == 2);
    CHECK(lost_of(sink.of(Control::lost)[1]).count == 1);
}

TEST_CASE("a registration that was lost while nobody was there is a gap from the last look at audit on") {
    auto window = Window::make();
    REQUIRE(window.has_value());
    base::UniqueFd memfd(::dup(window->fd()));
    Sink sink;
    {
        Capture capture(sink, {}, std::move(*window));
        REQUIRE(capture.begin({}).has_value());
    }
    const auto looked_ns = Window::adopt(base::UniqueFd(::dup(memfd.get())))->carried().lost_checked_ns;
    Capture capture(sink, {}, std::move(*Window::adopt(std::move(memfd))));
    REQUIRE(capture.resume().has_value());
    capture.was_away("the registration was lost");
    REQUIRE(sink.of(Control::lost).size() == 1);
    const auto lost = lost_of(sink.of(Control::lost)[0]);
    CHECK(lost.witness == model::Witness::audit);
    CHECK(lost.from_ns == looked_ns);
    CHECK(lost.to_ns >= looked_ns);
}

TEST_CASE("events that an earlier capture left say nothing of what the queue holds: it is drained behind them") {
    auto window = Window::make();
    REQUIRE(window.has_value());
    base::UniqueFd memfd(::dup(window->fd()));
    auto socket = make_pair();
    base::UniqueFd later(::dup(socket.theirs.get()));
    Sink sink;
    send(socket.ours.get(), connector_datagram(now_ns(), 1));
    {
        Sink refusing;
        Capture capture(refusing, {}, std::move(*window));
        REQUIRE(capture.begin({}).has_value());
        capture.attach_connector(std::move(socket.theirs));
        capture.turn();  // the datagram stays in the window: its journal is gone with it
    }
    send(socket.ours.get(), connector_datagram(now_ns(), 2));
    {
        auto adopted = Window::adopt(base::UniqueFd(::dup(memfd.get())));
        adopted->carried().connector_overrun = true;
    }
    Capture capture(sink, {}, std::move(*Window::adopt(std::move(memfd))));
    REQUIRE(capture.resume().has_value());
    capture.attach_connector(std::move(later));
    capture.turn();
    const auto is_event = [](const auto& frame) { return frame.source == model::Source::connector; };
    CHECK(std::count_if(sink.kept.begin(), sink.kept.end(), is_event) == 2);
    CHECK(sink.of(Control::lost).empty());  // it has been seen empty
    REQUIRE(sink.of(Control::connector_drained).size() == 1);
    CHECK(sink.kept.back().is(Control::connector_drained));
}
