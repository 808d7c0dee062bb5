#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstring>
#include <fstream>

#include "cases.hpp"

namespace record {

void log_in(const char* auid) {
    const int fd = ::open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);
    if (fd < 0 || ::write(fd, auid, std::strlen(auid)) < 0) std::perror("workload: /proc/self/loginuid");
    ::close(fd);
}

void setuid_no_exec() {
    child([] {
        if (::setgroups(0, nullptr) != 0 || ::setresgid(65534, 65534, 65534) != 0) ::_exit(1);
        if (::setresuid(65534, 65534, 0) != 0) ::_exit(1);
        child([] { ::_exit(6); });  // born under the new identity
        reap();
        ::_exit(7);
    });
    child([] { ::_exit(8); });  // and one under the old
    reap();
}

void setuid_program() {
    const char* const path = "/tmp/lineage-golden-setuid";
    std::ofstream(path, std::ios::binary) << std::ifstream("/bin/true", std::ios::binary).rdbuf();
    if (::chown(path, 2001, 2002) != 0 || ::chmod(path, 06755) != 0) return;
    child([&] {
        if (::setgroups(0, nullptr) != 0 || ::setresgid(65534, 65534, 65534) != 0) ::_exit(1);
        if (::setresuid(65534, 65534, 65534) != 0) ::_exit(1);
        exec({path, "as another"});
    });
    reap();
    ::unlink(path);
}

// Who was born before a login keeps the old one, also when it ends after it.
void login_between_children() {
    child([] {
        int login[2];
        if (::pipe(login) != 0) return;
        char byte = 0;
        child([&] {
            ::close(login[1]);
            while (::read(login[0], &byte, 1) > 0) {
            }
            ::_exit(3);
        });
        log_in("2000");
        child([] {
            child([] { ::_exit(6); });
            reap();
            ::_exit(5);
        });
        ::waitpid(-1, nullptr, 0);
        ::close(login[0]);
        ::close(login[1]);
        reap();
        ::_exit(4);
    });
    reap();
}

}  // namespace record
