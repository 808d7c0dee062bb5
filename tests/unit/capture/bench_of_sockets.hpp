// A world for capture without a kernel: socket pairs stand for the netlink sockets (recvmmsg and epoll work on them
// alike), a sink that remembers frames and can fail on purpose.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "lineage/base/codec.hpp"
#include "lineage/capture/capture.hpp"

namespace bench {

using namespace lineage;

struct Kept {
    model::Source source;
    std::uint16_t type;
    std::string payload;
    std::int64_t received_ns = 0;

    [[nodiscard]] bool is(model::Control control) const {
        return source == model::Source::control && type == static_cast<std::uint16_t>(control);
    }
};

class Sink final : public capture::FrameSink {
public:
    base::Status append(const model::Frame& frame) override {
        ++attempts;
        if (full && passes) return base::fail_errno("journal", ENOSPC);
        if (full) return base::fail("journal", "No space left on device");
        kept.push_back({frame.source, frame.type, std::string(frame.payload), frame.received_ns});
        return {};
    }
    void publish() override { ++published; }
    [[nodiscard]] std::uint64_t position() const override { return kept.size(); }

    [[nodiscard]] std::vector<Kept> of(model::Control control) const {
        std::vector<Kept> found;
        for (const auto& frame : kept)
            if (frame.is(control)) found.push_back(frame);
        return found;
    }

    std::vector<Kept> kept;
    bool full = false;
    bool passes = false;  ///< being full is what may pass
    int published = 0;
    int attempts = 0;
};

struct Pair {
    base::UniqueFd ours;    ///< the kernel's end
    base::UniqueFd theirs;  ///< capture's end
};

inline Pair make_pair(int type = SOCK_DGRAM) {
    int fds[2];
    REQUIRE(::socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
    return {base::UniqueFd(fds[0]), base::UniqueFd(fds[1])};
}

inline void send(int fd, const std::string& bytes) {
    REQUIRE(::send(fd, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
}

inline std::string audit_datagram(std::uint16_t type, const std::string& text) {
    nlmsghdr header{};
    header.nlmsg_type = type;
    header.nlmsg_len = static_cast<std::uint32_t>(text.size());  // without the header, as the kernel has it
    return std::string(reinterpret_cast<const char*>(&header), sizeof header) + text;
}

inline std::string connector_datagram(std::uint64_t time_ns, std::uint32_t seq = 0) {
    proc_event event{};
    event.what = proc_event::PROC_EVENT_FORK;
    event.timestamp_ns = time_ns;
    std::string message(sizeof(cn_msg), '\0');
    const cb_id id{CN_IDX_PROC, CN_VAL_PROC};
    std::memcpy(message.data(), &id, sizeof id);
    std::memcpy(message.data() + offsetof(cn_msg, seq), &seq, sizeof seq);
    message.append(reinterpret_cast<const char*>(&event), sizeof event);
    nlmsghdr header{};
    header.nlmsg_type = NLMSG_DONE;
    header.nlmsg_len = static_cast<std::uint32_t>(NLMSG_LENGTH(message.size()));
    return std::string(reinterpret_cast<const char*>(&header), sizeof header) + message;
}

inline std::uint64_t now_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

struct LostFrame {
    model::Witness witness{};
    std::int64_t from_ns = 0;
    std::int64_t to_ns = 0;
    std::int64_t count = 0;
    std::string why;
};
inline LostFrame lost_of(const Kept& frame) {
    base::Decoder in(frame.payload);
    LostFrame lost;
    lost.witness = static_cast<model::Witness>(in.get<std::uint8_t>());
    in.get(lost.from_ns);
    in.get(lost.to_ns);
    in.get(lost.count);
    lost.why = in.get_bytes();
    CHECK(in.ok());
    return lost;
}

/// Runs until `done` says so, looked at every few ms, or two seconds have passed.
template <class Done>
void run_until(capture::Capture& capture, Done done) {
    std::thread looker;
    int looks[2];
    REQUIRE(::pipe2(looks, O_CLOEXEC) == 0);
    std::atomic<bool> stop = false;
    int left = 400;
    capture.watch(looks[0], [&] {
        char byte = 0;
        REQUIRE(::read(looks[0], &byte, 1) == 1);
        if (!done() && --left > 0) return;
        stop = true;
        capture.stop();
    });
    looker = std::thread([&stop, fd = looks[1]] {
        for (int i = 0; i < 400 && !stop; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
            if (::write(fd, "x", 1) != 1) break;
        }
    });
    capture.run();
    capture.unwatch(looks[0]);
    looker.join();
    ::close(looks[0]);
    ::close(looks[1]);
    CHECK(stop);
}

inline std::vector<std::size_t> places_of(const Sink& sink, model::Source source) {
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < sink.kept.size(); ++i)
        if (sink.kept[i].source == source) places.push_back(i);
    return places;
}

/// The kernel's audit state: answers at once, whatever `answer` is by then.
class FakeWatch final : public capture::AuditWatch {
public:
    FakeWatch() {
        REQUIRE(::pipe2(pipe_, O_CLOEXEC | O_NONBLOCK) == 0);
        answer.excludes = 3;
    }
    ~FakeWatch() override { ::close(pipe_[0]), ::close(pipe_[1]); }
    int fd() override { return pipe_[0]; }
    void request() override {
        ++asked;
        timespec now{};
        ::clock_gettime(CLOCK_REALTIME, &now);
        answer.asked_ns = now.tv_sec * 1'000'000'000 + now.tv_nsec;
        REQUIRE(::write(pipe_[1], "x", 1) == 1);
    }
    std::optional<Answer> take() override {
        char byte = 0;
        if (::read(pipe_[0], &byte, 1) != 1) return std::nullopt;
        ++answered;
        return answer;
    }
    Answer answer;
    int asked = 0;
    int answered = 0;

private:
    int pipe_[2];
};

}  // namespace bench
