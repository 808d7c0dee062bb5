// drain [-o FILE] [--pid-file FILE] [--ready-fd N] [-- COMMAND...]
//
// The least that can consume the kernel's audit stream: registers as the machine's audit daemon with lineaged's own
// rules, receives in batches, and drops what it receives, or writes it to FILE as auditd would ("type=... msg=..."),
// EOE records included. Ends when COMMAND has ended and nothing more comes, or at SIGTERM. The bench's yardstick, and
// the recorder of the logs that the golden tests replay. Restores nothing: run it under audit_guard.
#include <libaudit.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/audit/control.hpp"

namespace {

using namespace lineage;

constexpr std::size_t message_bytes_max = MAX_AUDIT_MESSAGE_LENGTH + 64;
constexpr unsigned batch = 64;
constexpr int queue_bytes = 16 << 20;
constexpr std::uint32_t backlog_records = 16384;
constexpr std::uint32_t backlog_wait_ms = 100;
constexpr int quiet_ms = 200;  // COMMAND has ended and so long nothing came: that was all

struct Options {
    const char* log_path = nullptr;
    const char* pid_path = nullptr;
    int ready_fd = -1;
    char** command = nullptr;
};

[[noreturn]] void give_up(const std::string& text) {
    std::fprintf(stderr, "drain: %s\n", text.c_str());
    std::exit(1);
}

template <class T>
T must(base::Result<T> result) {
    if (!result) give_up(result.error().message());
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == "--") {
            options.command = argv + i + 1;
            break;
        }
        if (i + 1 == argc) give_up("usage: drain [-o FILE] [--pid-file FILE] [--ready-fd N] [-- COMMAND...]");
        const char* const value = argv[++i];
        if (word == "-o")
            options.log_path = value;
        else if (word == "--pid-file")
            options.pid_path = value;
        else if (word == "--ready-fd")
            options.ready_fd = std::atoi(value);
        else
            give_up("unknown option " + std::string(word));
    }
    return options;
}

class Drain {
public:
    explicit Drain(int socket, std::FILE* log) : socket_(socket), log_(log) {
        for (unsigned i = 0; i < batch; ++i) {
            parts_[i] = {buffers_[i].data(), buffers_[i].size()};
            messages_[i].msg_hdr.msg_iov = &parts_[i];
            messages_[i].msg_hdr.msg_iovlen = 1;
        }
    }

    /// Everything that is there now; false where there was nothing.
    bool receive() {
        bool any = false;
        for (;;) {
            const int count = ::recvmmsg(socket_, messages_.data(), batch, MSG_DONTWAIT, nullptr);
            if (count <= 0) return any;
            any = true;
            for (unsigned i = 0; log_ != nullptr && i < static_cast<unsigned>(count); ++i) write(i);
        }
    }

private:
    void write(unsigned index) {
        nlmsghdr header{};
        std::memcpy(&header, buffers_[index].data(), sizeof header);
        // Below the user messages are answers, but for LOGIN; REPLACE asks whether we still live.
        if (header.nlmsg_type < AUDIT_FIRST_USER_MSG && header.nlmsg_type != AUDIT_LOGIN) return;
        if (header.nlmsg_type == AUDIT_REPLACE) return;
        const char* const name = ::audit_msg_type_to_name(header.nlmsg_type);
        const std::string type = name != nullptr ? name : "UNKNOWN[" + std::to_string(header.nlmsg_type) + "]";
        const int size = static_cast<int>(messages_[index].msg_len - NLMSG_HDRLEN);
        std::fprintf(log_, "type=%s msg=%.*s\n", type.c_str(), size, buffers_[index].data() + NLMSG_HDRLEN);
    }

    int socket_;
    std::FILE* log_;
    std::array<std::array<char, message_bytes_max>, batch> buffers_{};
    std::array<iovec, batch> parts_{};
    std::array<mmsghdr, batch> messages_{};
};

pid_t start(const Options& options, const sigset_t& blocked) {
    if (options.command == nullptr) return 0;
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    ::sigprocmask(SIG_UNBLOCK, &blocked, nullptr);
    if (options.pid_path != nullptr) {
        std::FILE* const out = std::fopen(options.pid_path, "w");
        if (out == nullptr) ::_exit(126);
        std::fprintf(out, "%d\n", static_cast<int>(::getpid()));
        std::fclose(out);
    }
    ::execvp(options.command[0], options.command);
    ::_exit(127);
}

}  // namespace

int main(int argc, char** argv) {
    const Options options = parse(argc, argv);
    std::FILE* const log = options.log_path != nullptr ? std::fopen(options.log_path, "w") : nullptr;
    if (options.log_path != nullptr && log == nullptr) give_up(std::string(options.log_path) + ": cannot be written");

    sigset_t blocked;
    ::sigemptyset(&blocked);
    for (const int number : {SIGTERM, SIGINT, SIGCHLD}) ::sigaddset(&blocked, number);
    ::sigprocmask(SIG_BLOCK, &blocked, nullptr);
    const int signals = ::signalfd(-1, &blocked, SFD_CLOEXEC | SFD_NONBLOCK);

    auto control = must(audit::Control::open());
    const auto socket = must(audit::open_unicast(queue_bytes));
    must(control.set_backlog_limit(backlog_records));
    must(control.set_backlog_wait_ms(backlog_wait_ms));
    const auto rules = audit::lineage_rules();
    for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) must(control.prepend_rule(*rule));
    const auto before = must(control.state());
    must(control.set_enabled(1));

    const pid_t command = start(options, blocked);
    if (options.ready_fd >= 0 && ::write(options.ready_fd, "ready\n", 6) != 6) give_up("--ready-fd: cannot be written");

    static Drain drain(socket.get(), log);
    int status = 0;
    bool ending = false;
    for (;;) {
        pollfd ready[] = {{socket.get(), POLLIN, 0}, {signals, POLLIN, 0}};
        const int count = ::poll(ready, 2, ending ? quiet_ms : -1);
        if (count == 0) break;
        if (ready[0].revents != 0) drain.receive();
        signalfd_siginfo info{};
        while (::read(signals, &info, sizeof info) == sizeof info) {
            if (info.ssi_signo != SIGCHLD)
                ending = true;
            else if (::waitpid(command, &status, WNOHANG) == command)
                ending = true;
        }
    }
    const auto after = must(control.state());
    if (after.lost != before.lost) give_up("the kernel lost " + std::to_string(after.lost - before.lost) + " records");
    if (log != nullptr && std::fclose(log) != 0) give_up(std::string(options.log_path) + ": cannot be written");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
