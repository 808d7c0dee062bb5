// lineage-early: audit's rules in force before the first program of a boot, then that program.
//
// Named by init= or rdinit= on the kernel's command line it is pid 1 for a few milliseconds: it switches audit on,
// loads lineaged's own rules (audit::lineage_rules, the same code), makes room for what the kernel will keep until
// lineaged connects, and becomes the real init by execve, with its arguments and environment. Nothing but the kernel
// and the initramfs' first instructions has run before it, and nothing that runs after it goes unrecorded (BOOT.md).
//
// Promises: it never stops a boot. Whatever fails becomes one line in the kernel's log, and the real init is executed
// all the same. It starts no process, leaves no mount and no descriptor behind, and needs nothing mounted.
//
// It is linked statically, against libaudit for the tables of system calls and the project's audit layer for the
// rest: there is one list of rules and one implementation of the requests. Talking netlink by hand with a table made
// at build time would be the second of each, and save little: it is 0.85 MB, of which libc alone is most.
//
// On the kernel's command line (the words with a dot are not handed to init, Documentation/admin-guide/
// kernel-parameters.rst):
//   audit=1                    needed for what pid 1 itself forks: tasks from before audit was first enabled have no
//                              audit context (audit_alloc in kernel/auditsc.c). Its absence is said in the kernel's
//                              log.
//   lineage.backlog=N          records that the kernel keeps; without it the limit is raised to backlog_limit_min
//   lineage.backlog_wait_ms=N  how long a task may wait for room among them
//   lineage.init=PATH          the real init; default: /init of an initramfs, else what the kernel itself would try
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/auxv.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/audit/control.hpp"

namespace {

using lineage::audit::Control;
using lineage::base::Status;
using lineage::base::UniqueFd;

// A process of a boot makes about 15 records (measured: 352 records of 26 processes), so this is 9,000 processes
// before lineaged connects. Each takes about 2 kB of kernel memory (AUDIT_BUFSIZ and its sk_buff), and only when used.
constexpr std::uint32_t backlog_limit_min = 131'072;
// As lineaged's. Tasks wait only while kauditd itself lags, on a slow console that prints audit's records for example.
constexpr std::uint32_t backlog_wait_ms_default = 100;

/// `file` of a file system that needs no device: where it is mounted usually, else in an instance that is attached
/// nowhere and gone with its descriptor (fsmount, Linux 5.2).
UniqueFd open_in(const char* type, const std::string& usual_place, const char* file, int flags) {
    UniqueFd fd(::open((usual_place + "/" + file).c_str(), flags | O_CLOEXEC | O_NOCTTY));
    if (fd) return fd;
    const UniqueFd context(::fsopen(type, FSOPEN_CLOEXEC));
    if (!context || ::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return {};
    const UniqueFd root(::fsmount(context.get(), FSMOUNT_CLOEXEC, 0));
    if (!root) return {};
    return UniqueFd(::openat(root.get(), file, flags | O_CLOEXEC | O_NOCTTY));
}

/// One line in the kernel's log (<4>: a warning, <6>: information), on standard error where there is none.
void say(const char* level, const std::string& text) {
    const std::string line = level + ("lineage-early: " + text) + "\n";
    const UniqueFd log = open_in("devtmpfs", "/dev", "kmsg", O_WRONLY);
    [[maybe_unused]] const auto said =
        log ? ::write(log.get(), line.data(), line.size()) : ::write(STDERR_FILENO, line.data() + 3, line.size() - 3);
}

class CommandLine {
public:
    CommandLine() {
        const UniqueFd file = open_in("proc", "/proc", "cmdline", O_RDONLY);
        char part[4096];
        for (ssize_t size = 0; file && (size = ::read(file.get(), part, sizeof part)) > 0;)
            text_.append(part, static_cast<std::size_t>(size));
        for (char& c : text_)
            if (c == '\n') c = ' ';
    }
    /// What follows the last `NAME=`; as in the kernel a later word wins.
    [[nodiscard]] std::optional<std::string> value_of(std::string_view name) const {
        const std::string line = ' ' + text_;
        const std::string word = ' ' + std::string(name) + '=';
        const auto at = line.rfind(word);
        if (at == std::string::npos) return std::nullopt;
        const auto begin = at + word.size();
        return line.substr(begin, line.find(' ', begin) - begin);
    }
    /// A whole number, or none at all: "128k" is not 128.
    [[nodiscard]] std::optional<std::uint32_t> number_of(std::string_view name) const {
        const auto text = value_of(name);
        if (!text) return std::nullopt;
        const char* const end = text->data() + text->size();
        std::uint32_t number = 0;
        if (const auto read = std::from_chars(text->data(), end, number); read.ec == std::errc{} && read.ptr == end)
            return number;
        say("<4>", std::string(name) + "=" + *text + ": not a number; as if it were not there");
        return std::nullopt;
    }

private:
    std::string text_;
};

/// Of several steps that are all tried, the first failure.
void keep_first(Status& first, Status&& next) {
    if (first && !next) first = std::move(next);
}

Status load_rules(Control& control) {
    const auto in_force = control.list_rules();
    if (!in_force) return tl::unexpected(in_force.error());
    const auto rules = lineage::audit::lineage_rules();
    for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
        if (std::find(in_force->begin(), in_force->end(), *rule) != in_force->end()) continue;
        if (auto put = control.prepend_rule(*rule); !put) return put;
    }
    return {};
}

/// Never lowers a limit that is not ours; 0 is the kernel's word for none.
Status make_room(Control& control, const CommandLine& words) {
    const auto wanted = words.number_of("lineage.backlog");
    const auto state = control.state();
    if (!state) return tl::unexpected(state.error());
    const bool enough = state->backlog_limit == 0 || state->backlog_limit >= backlog_limit_min;
    if (!wanted && enough) return {};
    return control.set_backlog_limit(wanted.value_or(backlog_limit_min));
}

Status record_from_now_on(const CommandLine& words) {
    auto control = Control::open();
    if (!control) return tl::unexpected(control.error());
    Status done = load_rules(*control);
    keep_first(done, control->set_enabled(1));
    keep_first(done, make_room(*control, words));
    keep_first(done, control->set_backlog_wait_ms(
                         words.number_of("lineage.backlog_wait_ms").value_or(backlog_wait_ms_default)));
    return done;
}

/// An initramfs is the kernel's rootfs, which is one of these two (init/do_mounts.c).
bool in_initramfs() {
    struct statfs root {};
    return ::statfs("/", &root) == 0 && (root.f_type == RAMFS_MAGIC || root.f_type == TMPFS_MAGIC);
}

/// Is it this program, by whatever name? It would execute itself for ever. (Nothing need be mounted for AT_EXECFN.)
bool is_loader(const std::string& path) {
    const auto* const own = reinterpret_cast<const char*>(::getauxval(AT_EXECFN));
    struct stat self {};
    struct stat other {};
    return own != nullptr && ::stat(own, &self) == 0 && ::stat(path.c_str(), &other) == 0 &&
           self.st_dev == other.st_dev && self.st_ino == other.st_ino;
}

[[noreturn]] void become_init(const CommandLine& words, char** argv) {
    std::vector<std::string> paths;
    if (const auto path = words.value_of("lineage.init")) paths.push_back(*path);
    if (in_initramfs()) paths.emplace_back("/init");
    for (const char* path : {"/sbin/init", "/etc/init", "/bin/init", "/bin/sh"})  // kernel_init in init/main.c
        paths.emplace_back(path);
    for (std::string& path : paths) {
        if (is_loader(path)) {
            say("<4>", path + " is this loader, not an init");
            continue;
        }
        argv[0] = path.data();
        ::execve(argv[0], argv, environ);
        if (errno != ENOENT) say("<4>", "execute " + path + ": " + std::strerror(errno));
    }
    say("<4>", "there is no init to execute; name one by lineage.init=PATH");
    ::_exit(127);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 0) return 2;
    const CommandLine words;
    if (const auto done = record_from_now_on(words); !done)
        say("<4>", done.error().message());
    else
        say("<6>", "audit's rules are in force");
    const auto audit = words.value_of("audit").value_or("0");
    if (::getpid() == 1 && audit != "1" && audit != "on")
        say("<4>", "audit=1 is not on the kernel's command line: what pid 1 itself forks leaves no record");
    become_init(words, argv);
}
