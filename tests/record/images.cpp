#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <string>

#include "cases.hpp"

namespace record {

void argv_split() {
    const std::string plain(9000, 'p');
    const std::string quoted = std::string(5000, 'q') + " \"and a quote\"\n";
    child([&] { exec({"/bin/true", plain.c_str(), "", quoted.c_str(), "\xff\x01 not UTF-8", "last"}); });
    reap();
}

void script_interpreter() {
    const char* const path = "/tmp/lineage-golden-script";
    const int fd = ::open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    const char text[] = "#!/bin/sh -e\nexit 3\n";
    if (fd < 0 || ::write(fd, text, sizeof text - 1) < 0) return;
    ::close(fd);
    child([&] { exec({path, "an argument"}); });
    reap();
    ::unlink(path);
}

void failed_exec() {
    child([] {
        exec({"/nonexistent/program", "never"});
        exec({"/etc/passwd", "not executable"});
        exec({"/bin/true", "third time"});
    });
    child([] {
        exec({"/nonexistent/program", "only this"});
        ::_exit(41);
    });
    reap();
}

static void execveat(int folder, const char* path, const char* word, int flags) {
    const char* argv[] = {"by execveat", word, nullptr};
    char* environment[] = {nullptr};
    ::syscall(SYS_execveat, folder, path, argv, environment, flags);
}

static void copy_true(int to) {
    const int from = ::open("/bin/true", O_RDONLY | O_CLOEXEC);
    while (::sendfile(to, from, nullptr, 1 << 20) > 0) {
    }
    ::close(from);
}

void files_without_a_name() {
    child([] {
        const int file = ::memfd_create("nameless", 0);
        copy_true(file);
        execveat(file, "", "a memfd", AT_EMPTY_PATH);
    });
    reap();
    child([] {
        const char* const path = "/tmp/lineage-golden-gone";
        const int file = ::open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
        copy_true(file);
        ::close(file);  // or it is ETXTBSY
        const int readable = ::open(path, O_RDONLY | O_CLOEXEC);
        ::unlink(path);
        execveat(readable, "", "a deleted file", AT_EMPTY_PATH);
    });
    reap();
    child([] { execveat(::open("/bin/true", O_RDONLY | O_CLOEXEC), "", "a descriptor", AT_EMPTY_PATH); });
    reap();
    child([] { execveat(::open("/bin", O_PATH | O_DIRECTORY), "true", "relative to a folder", 0); });
    reap();
}

void exec_32_bit() {
    child([] { exec({program, "by a 64-bit call"}); });
    reap();
}

void shell_pipeline() {
    child([] { exec({"/bin/sh", "-c", "echo one two | tr a-z A-Z | wc -c >/dev/null; (exit 3); exit $?"}); });
    reap();
}

}  // namespace record
