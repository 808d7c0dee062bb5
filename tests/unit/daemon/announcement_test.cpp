// Goal: whoever waits for lineaged hears once, and truly, what it came to.
// Method: pipes and a datagram socket stand for the descriptor, the launcher and the service manager. Who has a
// launcher lets go of its standard descriptors, so that is a child's.
#include "announcement.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

using namespace lineage;

namespace {

struct Pipe {
    Pipe() {
        int fds[2];
        REQUIRE(::pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
        read.reset(fds[0]);
        write.reset(fds[1]);
    }
    base::UniqueFd read;
    base::UniqueFd write;
};

std::string text_in(int fd) {
    char buffer[256];
    const ssize_t size = ::read(fd, buffer, sizeof buffer);
    return size > 0 ? std::string(buffer, static_cast<std::size_t>(size)) : std::string();
}

/// It is empty, and nobody can write to it any more: its reader need not wait.
bool is_let_go(const Pipe& pipe) {
    pollfd reader{pipe.read.get(), POLLIN, 0};
    return ::poll(&reader, 1, 2000) == 1 && reader.revents == POLLHUP;
}

/// In a child, whose standard input is `input` and whose output and errors go to `output`; true if `act` says so.
template <class Act>
bool in_child(const Pipe& input, Pipe& output, Act act) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::dup2(input.read.get(), STDIN_FILENO);
        ::dup2(output.write.get(), STDOUT_FILENO);
        ::dup2(output.write.get(), STDERR_FILENO);
        output.write.reset();
        ::_exit(act() ? 0 : 1);
    }
    output.write.reset();
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

TEST_CASE("ready is said once, to the descriptor and to the service manager") {
    const std::string name = "@lineage-test-" + std::to_string(::getpid());
    const base::UniqueFd manager(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, name.data() + 1, name.size() - 1);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    REQUIRE(::bind(manager.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0);
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
    const Pipe pipe;
    daemon::Announcement announcement(pipe.write.get(), {});
    CHECK_FALSE(announcement.made());
    announcement.ready();
    announcement.ready();
    ::unsetenv("NOTIFY_SOCKET");
    CHECK(announcement.made());
    CHECK(text_in(pipe.read.get()) == "ready\n");
    CHECK(text_in(manager.get()) == "READY=1");
    CHECK(text_in(manager.get()).empty());
}

TEST_CASE("the launcher gets the error as it was, and a death without a word is one, too") {
    Pipe told;
    const Pipe input;
    Pipe output;
    CHECK(in_child(input, output, [&] {
        daemon::Announcement announcement(-1, std::move(told.write));
        announcement.failed({base::ExitCode::not_permitted, "audit", "not permitted"});
        return true;
    }));
    told.write.reset();
    const auto outcome = daemon::Announcement::await(told.read.get());
    REQUIRE_FALSE(outcome.has_value());
    CHECK(outcome.error().exit == base::ExitCode::not_permitted);
    CHECK(outcome.error().message() == "audit: not permitted");
    Pipe silent;
    silent.write.reset();
    CHECK_FALSE(daemon::Announcement::await(silent.read.get()).has_value());
}

TEST_CASE("in the background the caller's output is let go of at once, its input and directory when it is ready") {
    Pipe told;
    const Pipe input;
    Pipe output;
    CHECK(in_child(input, output, [&] {
        daemon::Announcement announcement(-1, std::move(told.write));
        char directory[2] = "";
        const bool began = is_let_go(output) && ::write(STDOUT_FILENO, "x", 1) == 1 &&
                           ::fcntl(STDIN_FILENO, F_GETFL) == ::fcntl(input.read.get(), F_GETFL);
        announcement.ready();
        // /dev/null has an end, a pipe that somebody may yet write to has none.
        return began && is_let_go(output) && ::read(STDIN_FILENO, directory, 1) == 0 &&
               ::getcwd(directory, sizeof directory) != nullptr;
    }));
    told.write.reset();
    CHECK(daemon::Announcement::await(told.read.get()).has_value());
}

TEST_CASE("in the background the descriptor that was asked for is told before it is let go of") {
    Pipe told;
    const Pipe input;
    Pipe output;
    CHECK(in_child(input, output, [&] {
        daemon::Announcement announcement(STDOUT_FILENO, std::move(told.write));
        announcement.ready();
        return text_in(output.read.get()) == "ready\n" && is_let_go(output);
    }));
}
