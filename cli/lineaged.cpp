// lineaged: records where every process of this machine came from. Reads the command line and the configuration, and is
// the only place of this program that prints an error or decides the exit code.
#include <fcntl.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>

#include "lineage/daemon/daemon.hpp"

namespace {

using lineage::base::ExitCode;
using lineage::daemon::Settings;
using lineage::daemon::SourceChoice;

const std::map<std::string, SourceChoice> sources = {{"auto", SourceChoice::automatic},
                                                     {"netlink", SourceChoice::netlink},
                                                     {"multicast", SourceChoice::multicast},
                                                     {"plugin", SourceChoice::plugin},
                                                     {"connector", SourceChoice::connector}};

int fail_with(ExitCode exit, const std::string& message) {
    std::fprintf(stderr, "lineaged: %s\n", message.c_str());
    return static_cast<int>(exit);
}

int run(int argc, char** argv) {
    Settings settings;
    if (const char* const database = std::getenv("LINEAGE_DB"); database != nullptr && *database != '\0')
        settings.database = database;
    std::string config;
    bool no_rules = false;
    std::string source = "auto";
    std::optional<std::uint32_t> backlog_wait_ms;

    CLI::App app(
        "Records the history of this machine's processes: the audit stream and the process connector, into a database.",
        "lineaged");
    app.set_version_flag("--version", "lineaged " LINEAGE_VERSION);
    app.add_option("--db", settings.database,
                   "the database; the journal lies beside it (default " + settings.database + ")")
        ->type_name("FILE");
    app.add_option("--source", source,
                   "auto, netlink, multicast, plugin (audit records on stdin) or connector (default auto)")
        ->type_name("NAME")
        ->check(CLI::IsMember(sources));
    app.add_flag("--foreground", settings.foreground, "stay in the foreground");
    app.add_option("--config", config, "a file of `key = value` lines, see lineaged(8)")->type_name("FILE");
    app.add_option("--backlog-wait-ms", backlog_wait_ms,
                   "how long the kernel lets a task wait for room in the audit backlog (default 100)")
        ->type_name("N")
        ->check(CLI::Range(0, 600'000));
    app.add_flag("--no-rules", no_rules, "leave the audit rules as they are");
    app.add_option("--ready-fd", settings.ready_fd, "write a line to this descriptor once everything is being recorded")
        ->type_name("N")
        ->check(CLI::Range(0, 1'048'576));
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& stop) {
        if (stop.get_exit_code() == 0) return app.exit(stop);
        return fail_with(ExitCode::usage, std::string("command line: ") + stop.what() + "; see lineaged --help");
    }
    if (!config.empty())
        if (auto read = lineage::daemon::read_config(config, settings); !read)
            return fail_with(read.error().exit, read.error().message());
    if (settings.ready_fd >= 0 && ::fcntl(settings.ready_fd, F_GETFD) < 0)
        return fail_with(ExitCode::usage,
                         "--ready-fd: descriptor " + std::to_string(settings.ready_fd) + " is not open");
    settings.source = sources.at(source);
    settings.rules = !no_rules;
    if (backlog_wait_ms) settings.backlog_wait_ms = *backlog_wait_ms;

    const auto done = lineage::daemon::run(settings);
    return done ? 0 : fail_with(done.error().exit, done.error().message());
}

}  // namespace

int main(int argc, char** argv) {
    return run(argc, argv);
}
