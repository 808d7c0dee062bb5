#include "service_manager.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <sstream>

namespace lineage::daemon {

namespace {

constexpr int first_kept_fd = 3;     // SD_LISTEN_FDS_START
constexpr int await_done_ms = 2000;  // of a manager that is busy; what was told it stays told

const char* socket_path() {
    const char* const path = std::getenv("NOTIFY_SOCKET");
    return path != nullptr && std::strlen(path) >= 2 && std::strlen(path) < sizeof(sockaddr_un::sun_path) ? path
                                                                                                          : nullptr;
}

long number_in(const char* variable) {
    const char* const text = std::getenv(variable);
    return text != nullptr ? std::atol(text) : 0;
}

}  // namespace

ServiceManager::ServiceManager() {
    if (number_in("LISTEN_PID") == ::getpid()) {
        const char* const names = std::getenv("LISTEN_FDNAMES");
        std::istringstream rest(names != nullptr ? names : "");
        const long count = number_in("LISTEN_FDS");
        for (long i = 0; i < count; ++i) {
            std::string name;
            std::getline(rest, name, ':');
            const int fd = first_kept_fd + static_cast<int>(i);
            if (::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0) kept_[name] = base::UniqueFd(fd);
        }
        for (const char* const variable : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(variable);
    }
    const long for_pid = number_in("WATCHDOG_PID");
    if (is_there() && (for_pid == 0 || for_pid == ::getpid()))
        watchdog_ms_ = static_cast<int>(number_in("WATCHDOG_USEC") / 1000);
}

bool ServiceManager::is_there() const {
    return socket_path() != nullptr;
}

void ServiceManager::notify(std::string_view state, int fd) {
    const char* const path = socket_path();
    if (path == nullptr) return;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path, std::strlen(path));
    if (path[0] == '@') address.sun_path[0] = '\0';  // the abstract namespace
    iovec text{const_cast<char*>(state.data()), state.size()};
    msghdr message{};
    message.msg_name = &address;
    message.msg_namelen = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
    message.msg_iov = &text;
    message.msg_iovlen = 1;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {};
    if (fd >= 0) {
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        cmsghdr* const header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof fd);
        std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
    }
    const base::UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    (void)::sendmsg(socket.get(), &message, MSG_NOSIGNAL);
}

void ServiceManager::keep(std::string_view name, int fd) {
    // FDPOLL=0: an overflow of a netlink queue shows as an error of the socket, for which it would be let go.
    notify("FDSTORE=1\nFDPOLL=0\nFDNAME=" + std::string(name), fd);
}

void ServiceManager::forget(std::string_view name) {
    notify("FDSTOREREMOVE=1\nFDNAME=" + std::string(name));
}

void ServiceManager::await_done() {
    int ends[2];
    if (socket_path() == nullptr || ::pipe2(ends, O_CLOEXEC) != 0) return;
    const base::UniqueFd ours(ends[0]);
    base::UniqueFd theirs(ends[1]);
    notify("BARRIER=1", theirs.get());  // sd_notify_barrier(3)
    theirs.reset();
    pollfd closed{ours.get(), 0, 0};
    ::poll(&closed, 1, await_done_ms);
}

base::UniqueFd ServiceManager::take(const std::string& name) {
    const auto found = kept_.find(name);
    return found == kept_.end() ? base::UniqueFd() : std::move(found->second);
}

}  // namespace lineage::daemon
