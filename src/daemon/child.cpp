#include "child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lineage/base/codec.hpp"

namespace lineage::daemon {

volatile int stop_requested = 0;

namespace {

constexpr int predecessor_wait_ms = 20'000;

void request_stop(int) {
    stop_requested = 1;
}

}  // namespace

void obey_parent_only() {
    struct sigaction stop {};
    stop.sa_handler = request_stop;
    ::sigaction(stop_signal, &stop, nullptr);
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR2, SIGPIPE}) ::signal(number, SIG_IGN);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void end_with(pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, stop_signal);
    if (::getppid() != parent) ::_exit(0);
}

void await_predecessor(const std::string& lock) {
    const int fd = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return;  // the journal will say what is wrong
    for (int waited_ms = 0; ::flock(fd, LOCK_EX | LOCK_NB) != 0 && waited_ms < predecessor_wait_ms; waited_ms += 10)
        ::poll(nullptr, 0, 10);
}

std::string encode(char kind, const base::Error& error) {
    std::string packet(1, kind);
    base::Encoder out(packet);
    out.put(static_cast<std::int32_t>(error.exit));
    out.put(static_cast<std::uint8_t>(error.remedy));
    out.put_bytes(error.object.substr(0, packet_bytes_max / 4));
    out.put_bytes(error.cause.substr(0, packet_bytes_max / 4));
    return packet;
}

std::string printable(std::string_view text) {
    std::string safe(text);
    for (char& c : safe)
        if (const auto byte = static_cast<unsigned char>(c); byte < ' ' || byte == 0x7f) c = '?';
    return safe;
}

base::Error decode(std::string_view packet) {
    base::Decoder in(packet.substr(1));
    base::Error error;
    const auto exit = static_cast<base::ExitCode>(in.get<std::int32_t>());
    error.exit = exit == base::ExitCode::not_permitted ? exit : base::ExitCode::unreadable;
    const auto remedy = in.get<std::uint8_t>();
    error.remedy = remedy <= static_cast<std::uint8_t>(base::Remedy::recovery) ? static_cast<base::Remedy>(remedy)
                                                                               : base::Remedy::none;
    error.object = printable(in.get_bytes());
    error.cause = printable(in.get_bytes());
    return error;
}

}  // namespace lineage::daemon
