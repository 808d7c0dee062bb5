// lineaged: records where every process of this machine came from. Reads the command line and the configuration, and is
// the only place of this program that prints an error or decides the exit code.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <syslog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "checks.hpp"
#include "lineage/daemon/daemon.hpp"

namespace {

using lineage::base::ExitCode;
using lineage::cli::add_text;
using lineage::daemon::Priority;
using lineage::settings::Settings;
using lineage::settings::SourceChoice;

const std::map<std::string, SourceChoice> sources = {{"auto", SourceChoice::automatic},
                                                     {"netlink", SourceChoice::netlink},
                                                     {"multicast", SourceChoice::multicast},
                                                     {"plugin", SourceChoice::plugin},
                                                     {"connector", SourceChoice::connector}};

int fail_with(ExitCode exit, const std::string& message) {
    std::fprintf(stderr, "lineaged: %s\n", message.c_str());  // in the kernel's log a warning
    return static_cast<int>(exit);
}

/// What the command line says, over whatever the file says.
struct CommandLine {
    std::optional<std::string> database;
    std::optional<std::string> config;
    std::optional<std::string> source;
    std::optional<std::uint32_t> backlog_wait_ms;
    std::optional<std::string> user;
    std::optional<std::string> audit_log;
    bool no_rules = false;
    bool foreground = false;
    int ready_fd = -1;
};

void put_options(CLI::App& app, CommandLine& given) {
    app.set_version_flag("--version", "lineaged " LINEAGE_VERSION);
    add_text(app, "--db", given.database,
             "the database; the journal lies beside it (default " + Settings{}.database + ")", "FILE");
    app.add_option("--source", given.source,
                   "auto, netlink, multicast, plugin (audit records on stdin) or connector (default auto)")
        ->type_name("NAME")
        ->check(CLI::IsMember(sources));
    app.add_flag("--foreground", given.foreground, "stay in the foreground");
    add_text(app, "--config", given.config,
             std::string("the configuration, see lineage.toml(5) (default ") + lineage::settings::default_config +
                 " where it exists)",
             "FILE");
    app.add_option("--backlog-wait-ms", given.backlog_wait_ms,
                   "how long the kernel lets a task wait for room in the audit backlog (default 100)")
        ->type_name("N")
        ->check(CLI::Range(0, 600'000));
    app.add_option(
           "--user", given.user,
           "whom the part that reads records runs as; members of its group may read what is recorded (default " +
               Settings{}.tracker_user + ", where that user exists)")
        ->type_name("NAME");
    add_text(app, "--audit-log", given.audit_log,
             "as the only audit daemon, write the log that auditd would, for ausearch and its like", "FILE");
    app.add_flag("--no-rules", given.no_rules, "leave the audit rules as they are");
    app.add_option("--ready-fd", given.ready_fd, "write a line to this descriptor once everything is being recorded")
        ->type_name("N")
        ->check(CLI::Range(0, 1'048'576));
}

/// The file, over it the environment, over it the command line.
lineage::base::Result<Settings> read_settings(const CommandLine& given) {
    Settings settings;
    const bool is_default = !given.config;
    const std::string config = given.config.value_or(lineage::settings::default_config);
    if (!is_default || ::access(config.c_str(), F_OK) == 0)
        if (auto read = lineage::settings::read_config(config, settings); !read) return tl::unexpected(read.error());
    const auto database_of_file = settings.database;
    if (const char* const database = std::getenv("LINEAGE_DB"); database != nullptr && *database != '\0')
        settings.database = database;
    if (given.database) settings.database = *given.database;
    if (settings.database != database_of_file) settings.origins.erase("db");
    if (given.source) settings.source = sources.at(*given.source);
    if (given.backlog_wait_ms) settings.backlog_wait_ms = *given.backlog_wait_ms;
    if (given.audit_log) {
        settings.audit_log_file = *given.audit_log;
        settings.origins.erase("audit_log.file");
    }
    if (given.user) {
        settings.tracker_user = *given.user;
        settings.origins.erase("user.tracker");
    }
    if (given.no_rules) settings.rules = false;
    settings.foreground = given.foreground;
    settings.ready_fd = given.ready_fd;
    if (auto checked = lineage::daemon::check_on_this_machine(settings); !checked)
        return tl::unexpected(checked.error());
    return settings;
}

/// The kernel's log (/dev/kmsg), which takes a line a write, and none that is longer than LOG_LINE_MAX
/// (kernel/printk/printk.c: 976 bytes and more, by the version).
constexpr std::size_t kernel_line_bytes_max = 960;

bool is_kernel_log(int fd) {
    struct stat file {};
    return ::fstat(fd, &file) == 0 && S_ISCHR(file.st_mode) && file.st_rdev == makedev(1, 11);
}

/// In the foreground to stderr, with the level in front where that is a service manager's (sd-daemon(3)) or the
/// kernel's; in the background to the system's log.
void say(const Settings& settings, Priority priority, const std::string& text) {
    if (!settings.foreground) return ::syslog(static_cast<int>(priority), "%s", text.c_str());
    const bool is_kernel = is_kernel_log(STDERR_FILENO);
    std::string line;
    if (is_kernel || std::getenv("JOURNAL_STREAM") != nullptr)
        line = "<" + std::to_string(static_cast<int>(priority)) + ">";
    line += "lineaged: " + text;
    if (is_kernel && line.size() > kernel_line_bytes_max)
        line.replace(kernel_line_bytes_max - 3, std::string::npos, "...");
    line += '\n';
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

int run(int argc, char** argv) {
    CommandLine given;
    CLI::App app(
        "Records the history of this machine's processes: the audit stream and the process connector, into a database.",
        "lineaged");
    put_options(app, given);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& stop) {
        if (stop.get_exit_code() == 0) return app.exit(stop);
        return fail_with(ExitCode::usage, std::string("command line: ") + stop.what() + "; see lineaged --help");
    }
    // A process in the background works in /, and is to find them again.
    for (auto* const path : {&given.database, &given.config, &given.audit_log})
        if (*path) *path = std::filesystem::absolute(**path).string();
    const auto settings = read_settings(given);
    if (!settings) return fail_with(settings.error().exit, settings.error().message());
    if (settings->ready_fd >= 0 && ::fcntl(settings->ready_fd, F_GETFD) < 0)
        return fail_with(ExitCode::usage,
                         "--ready-fd: descriptor " + std::to_string(settings->ready_fd) + " is not open");
    ::openlog("lineaged", LOG_PID, LOG_DAEMON);
    const auto done = lineage::daemon::run(
        *settings, {[&] { return read_settings(given); },
                    [&](Priority priority, const std::string& text) { say(*settings, priority, text); }});
    return done ? 0 : fail_with(done.error().exit, done.error().message());
}

}  // namespace

int main(int argc, char** argv) {
    return run(argc, argv);
}
