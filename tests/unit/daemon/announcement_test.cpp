// Goal: whoever waits for lineaged hears once, and truly, what it came to.
// Method: pipes and a datagram socket stand for the descriptor, the launcher and the service manager. ready() with a
// launcher redirects this process's standard descriptors, so that case is the live test's.
#include "announcement.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
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
    {
        daemon::Announcement announcement(-1, std::move(told.write));
        announcement.failed({base::ExitCode::not_permitted, "audit", "not permitted"});
    }
    const auto outcome = daemon::Announcement::await(told.read.get());
    REQUIRE_FALSE(outcome.has_value());
    CHECK(outcome.error().exit == base::ExitCode::not_permitted);
    CHECK(outcome.error().message() == "audit: not permitted");
    Pipe silent;
    silent.write.reset();
    CHECK_FALSE(daemon::Announcement::await(silent.read.get()).has_value());
}
