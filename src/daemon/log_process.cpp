#include "log_process.hpp"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <string>

#include "cage.hpp"
#include "child.hpp"
#include "descriptors.hpp"
#include "lineage/ingest/audit_log.hpp"
#include "privileges.hpp"

namespace lineage::daemon {

namespace {

constexpr char waits_packet = 'w';
constexpr char works_packet = 'c';

}  // namespace

base::Status LogProcess::spawn(const Settings& settings, std::uint64_t from) {
    int channel[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) != 0)
        return base::fail_errno("start the audit log's writer", errno);
    channel_.reset(channel[0]);
    const base::UniqueFd child_channel(channel[1]);
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) return base::fail_errno("start the audit log's writer", errno);
    if (pid_ == 0) be_writer(settings, from, child_channel.get(), parent);
    return {};
}

void LogProcess::be_writer(const Settings& settings, std::uint64_t from, int channel, pid_t parent) {
    obey_parent_only();
    end_with(parent);
    ::prctl(PR_SET_NAME, "lineaged-log");
    close_all_but({channel});
    // Lost when capture has no time for it: the writer does not wait.
    const auto say = [channel](const base::Status& status) {
        const auto packet = status ? std::string(1, works_packet) : encode(waits_packet, status.error());
        (void)::send(channel, packet.data(), packet.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    };
    ingest::AuditLogOptions options;
    options.journal = settings.journal();
    options.file = settings.audit_log_file;
    options.place = settings.journal() + "/audit-log.place";
    options.file_bytes_max = settings.audit_log_bytes_max;
    options.files = settings.audit_log_files;
    options.from = from;
    options.tell = say;
    await_predecessor(settings.journal() + "/audit-log.lock");
    auto done = give_up_capabilities();
    if (done) done = enter_cage(Cage::log_writer);
    if (done) done = ingest::write_audit_log(options, stop_requested);
    if (!done) say(done);
    ::_exit(done ? 0 : static_cast<int>(done.error().exit));
}

LogProcess::News LogProcess::read_news() {
    std::string packet(packet_bytes_max, '\0');
    const ssize_t size = ::recv(channel_.get(), packet.data(), packet.size(), MSG_DONTWAIT);
    if (size < 0) return errno == EAGAIN || errno == EINTR ? News::none : News::gone;
    if (size == 0) return News::gone;
    packet.resize(static_cast<std::size_t>(size));
    if (packet[0] == works_packet) return News::works;
    if (packet[0] != waits_packet) return News::none;
    trouble_ = decode(packet);
    return News::waits;
}

void LogProcess::stop() const {
    if (running()) ::kill(pid_, stop_signal);
}

std::optional<int> LogProcess::reap() {
    int status = 0;
    if (!running() || ::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
    pid_ = -1;
    return status;
}

bool LogProcess::finish(int wait_ms) {
    if (!running()) return true;
    stop();
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(wait_ms);
    pollfd readable{channel_.get(), POLLIN, 0};
    for (News news = News::none; news != News::gone; news = read_news()) {
        const auto left = until - std::chrono::steady_clock::now();
        const auto left_ms = std::chrono::duration_cast<std::chrono::milliseconds>(left).count();
        if (left_ms <= 0 || ::poll(&readable, 1, static_cast<int>(left_ms)) == 0) return false;
    }
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace lineage::daemon
