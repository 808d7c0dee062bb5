#include "tracker_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "cage.hpp"
#include "child.hpp"
#include "descriptors.hpp"
#include "lineage/base/check.hpp"
#include "lineage/base/codec.hpp"
#include "lineage/ingest/pipeline.hpp"
#include "lineage/journal/journal.hpp"
#include "mending.hpp"
#include "reporting_writer.hpp"

namespace lineage::daemon {

namespace {

// Packets of the channel begin with one of these; follow() itself writes the `r`.
constexpr char opened_packet = 'o';
constexpr char ready_packet = 'r';
constexpr char failed_packet = 'f';
constexpr char waits_packet = 'w';  // the database cannot be written
constexpr char caught_up_packet = 'c';
constexpr char alarm_packet = 'm';  // for the operator: what was done to its files, tampering that it found

/// Of a small journal the oldest segments go soon; what came since the last checkpoint must be left when they have.
constexpr std::uint64_t checkpoints_a_journal = 8;

int ms_until(std::chrono::steady_clock::time_point until) {
    const auto left = until - std::chrono::steady_clock::now();
    return static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(left).count());
}

}  // namespace

store::Bounds bounds_of(const Settings& settings) {
    constexpr model::TimeNs second_ns = 1'000'000'000;
    return {static_cast<std::int64_t>(settings.history_bytes_max),
            static_cast<model::TimeNs>(settings.history_seconds_max) * second_ns,
            static_cast<std::int64_t>(settings.records_bytes_max),
            static_cast<model::TimeNs>(settings.records_seconds_max) * second_ns};
}

TrackerProcess::TrackerProcess(const Settings& settings) : settings_(settings) {
    void* const shared = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    shared_ = new (shared) Shared;
}

TrackerProcess::~TrackerProcess() {
    channel_.reset();  // one that still waits to be told gives up
    ::munmap(shared_, sizeof *shared_);
}

base::Status TrackerProcess::spawn() {
    int channel[2];
    int questions[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) != 0)
        return base::fail_errno("start the tracker", errno);
    channel_.reset(channel[0]);
    const base::UniqueFd child_channel(channel[1]);
    // Full, it drops questions: the tracker must not wait for capture.
    if (::pipe2(questions, O_CLOEXEC | O_NONBLOCK) != 0) return base::fail_errno("start the tracker", errno);
    questions_.reset(questions[0]);
    const base::UniqueFd child_questions(questions[1]);
    const pid_t parent = ::getpid();
    ends_early_ = false;
    opened_ = false;
    pid_ = ::fork();
    if (pid_ < 0) return base::fail_errno("start the tracker", errno);
    if (pid_ == 0) be_tracker(child_channel.get(), child_questions.get(), parent);
    return {};
}

void TrackerProcess::be_tracker(int channel, int questions, pid_t parent) {
    obey_parent_only();
    end_with(parent);
    ::prctl(PR_SET_NAME, "lineaged-track");
    close_all_but({channel, questions, kept_.get()});
    const auto done = follow_journal(channel, questions, parent);
    if (done) ::_exit(0);
    const std::string packet = encode(failed_packet, done.error());
    (void)::send(channel, packet.data(), packet.size(), MSG_NOSIGNAL);
    ::_exit(static_cast<int>(done.error().exit));
}

base::Status TrackerProcess::follow_journal(int channel, int questions, pid_t parent) {
    ingest::FollowOptions options;
    options.journal = settings_.journal();
    options.commit_ms = settings_.commit_ms;
    options.checkpoint_bytes = std::min(options.checkpoint_bytes, settings_.journal_bytes_max / checkpoints_a_journal);
    options.question_fd = questions;
    options.ready_fd = channel;
    options.bounds = bounds_of(settings_);
    // Lost when capture has no time for it, like a question: the tracker does not wait.
    const auto say = [channel](const std::string& packet) {
        (void)::send(channel, packet.data(), packet.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    };
    options.alarm = [say](const std::string& text) { say(alarm_packet + text.substr(0, packet_bytes_max / 2)); };
    // Its root is the journal's folder, which nobody else calls so.
    const auto as_others_call_it = [&](base::Error error) {
        if (error.object == "journal " + options.journal) error.object = "journal " + settings_.journal();
        return error;
    };
    options.tell = [&](const base::Status& status) {
        say(status ? std::string(1, caught_up_packet) : encode(waits_packet, as_others_call_it(status.error())));
    };
    options.alive = [this] { shared_->rounds.fetch_add(1, std::memory_order_relaxed); };
    if (!journal::is_journal(options.journal))
        return tl::unexpected(base::Error{base::ExitCode::unreadable, "journal " + options.journal,
                                          "there is nothing in it yet", base::Remedy::waiting});
    await_predecessor(options.journal + "/tracker.lock");
    const auto mended = mend_database(settings_.database, error_.remedy, kept_.get());
    if (!mended) return tl::unexpected(mended.error());
    if (!mended->empty()) say(alarm_packet + mended->substr(0, packet_bytes_max / 2));
    kept_.reset();  // before SQLite has it open: closing it later would drop SQLite's locks
    auto writer = store::open_writer(settings_.database);
    if (!writer) return tl::unexpected(writer.error());
    // For what a checkpoint does not tell; in the cage no file can be opened any more.
    auto history = store::open_reader(settings_.database);
    if (!history) return tl::unexpected(history.error());
    auto inside = become_tracker(options.journal, account_);
    if (!inside) return tl::unexpected(inside.error());
    options.journal = *inside;
    end_with(parent);
    if (auto caged = enter_cage(); !caged) return caged;
    (void)::send(channel, &opened_packet, 1, MSG_NOSIGNAL);

    std::string packet(packet_bytes_max, '\0');
    const ssize_t size = ::recv(channel, packet.data(), packet.size(), 0);
    if (size <= 0) return {};  // the recorder has given up
    base::Decoder in(std::string_view(packet).substr(0, static_cast<std::size_t>(size)));
    while (!in.rest().empty() && in.ok()) {
        const std::string name(in.get_bytes());
        options.facts[name] = in.get_bytes();
    }
    options.since_ns = std::atoll(options.facts["recorder.since_ns"].c_str());
    ReportingWriter reporting(std::move(*writer), shared_->needed_from);
    const auto reader = std::move(*history);  // gone before the writer is, which leaves the log in order
    options.history = reader.get();
    return ingest::follow(options, reporting, stop_requested).map_error(as_others_call_it);
}

base::Status TrackerProcess::await_opened(int wait_ms) {
    pollfd readable{channel_.get(), POLLIN, 0};
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(wait_ms);
    News news = News::none;
    while (news == News::none || news == News::alarm) {
        const int left_ms = ms_until(until);
        if (left_ms <= 0)
            return tl::unexpected(base::Error{base::ExitCode::unreadable, "database " + settings_.database,
                                              "has not been opened yet", base::Remedy::waiting});
        if (::poll(&readable, 1, left_ms) > 0) news = read_news();
    }
    if (news == News::opened) return {};
    siginfo_t end{};
    if (news == News::gone && ::waitid(P_PID, static_cast<id_t>(pid_), &end, WEXITED | WNOWAIT) == 0)
        take_signal(end.si_code == CLD_EXITED ? 0 : end.si_status);
    return tl::unexpected(error_);
}

/// SQLite maps its index of the log, whose pages are not all allocated: on a full disk that is where it shows.
void TrackerProcess::take_signal(int number) {
    if (number != SIGBUS) return;
    error_ = {base::ExitCode::unreadable, "database " + settings_.database,
              "a page could not be had; its file system is full, or fails", base::Remedy::waiting};
}

void TrackerProcess::go(const std::map<std::string, std::string>& facts) {
    std::string packet;
    base::Encoder out(packet);
    for (const auto& [name, value] : facts) {
        out.put_bytes(name);
        out.put_bytes(value);
    }
    CHECK(packet.size() <= packet_bytes_max);
    // If it is dead, reap() will tell. Capture never waits for it: this is the channel's first packet, which has room.
    (void)::send(channel_.get(), packet.data(), packet.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

TrackerProcess::News TrackerProcess::read_news() {
    std::string packet(packet_bytes_max, '\0');
    const ssize_t size = ::recv(channel_.get(), packet.data(), packet.size(), MSG_DONTWAIT);
    if (size < 0) return errno == EAGAIN || errno == EINTR ? News::none : News::gone;
    if (size == 0) return News::gone;
    packet.resize(static_cast<std::size_t>(size));
    switch (packet[0]) {
        case opened_packet:
            if (std::exchange(opened_, true)) return News::none;
            moved_at_ns_.reset();
            kept_.reset(::open(settings_.database.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
            error_.remedy = base::Remedy::none;
            return News::opened;
        case ready_packet:
            return News::ready;
        case caught_up_packet:
            return News::caught_up;
        case alarm_packet:
            alarm_ = printable(std::string_view(packet).substr(1));
            return News::alarm;
        case waits_packet:
            waits_for_ = decode(packet);
            return News::waits;
        case failed_packet:
            error_ = decode(packet);
            return News::failed;
        default:
            return News::none;
    }
}

std::optional<std::int64_t> TrackerProcess::still_ns(std::int64_t now_ns) {
    if (!running() || !opened_) return std::nullopt;
    const auto rounds = shared_->rounds.load(std::memory_order_relaxed);
    if (!moved_at_ns_ || rounds != rounds_seen_) moved_at_ns_ = now_ns;
    rounds_seen_ = rounds;
    return now_ns - *moved_at_ns_;
}

void TrackerProcess::begin_anew(const Settings& settings) {
    settings_ = settings;
    if (!running()) return;
    ::kill(pid_, stop_signal);
    ends_early_ = true;
}

std::optional<int> TrackerProcess::reap() {
    int status = 0;
    if (pid_ <= 0 || ::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
    pid_ = -1;
    if (WIFSIGNALED(status)) take_signal(WTERMSIG(status));
    return status;
}

bool TrackerProcess::finish(int wait_ms) {
    if (!running()) return false;
    ::kill(pid_, stop_signal);
    pollfd gone{channel_.get(), POLLIN, 0};
    News news = News::none;
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(wait_ms);
    while (news != News::gone && ms_until(until) > 0 && ::poll(&gone, 1, ms_until(until)) > 0) news = read_news();
    if (news != News::gone) return false;
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace lineage::daemon
