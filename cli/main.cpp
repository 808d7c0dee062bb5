// lineage: where did this process come from? Reads the command line, runs one command, and is the only place that
// prints an error or decides the exit code.
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "command.hpp"
#include "selection.hpp"

namespace lineage::cli {
namespace {

constexpr const Command* all_commands[] = {&show_command,   &tree_command,   &find_command,   &trace_command,
                                           &export_command, &boots_command,  &watch_command,  &status_command,
                                           &doctor_command, &import_command, &recover_command};

constexpr const char* default_database = "/var/lib/lineage/lineage.db";

constexpr const char* footer =
    "PROC is a PID, @ID, or TIME:SERIAL of an audit event.\n"
    "Exit status: 0 done, 1 nothing matched, 2 usage, 3 unreadable database or input, 4 not permitted,\n"
    "5 the answer touches a gap (with --strict). The manual is lineage(1).";

int fail_with(base::ExitCode exit, const std::string& message) {
    std::fprintf(stderr, "lineage: %s\n", message.c_str());
    return static_cast<int>(exit);
}

/// CLI11 has exit codes of its own: asked-for text is 0, everything else a usage error.
int finish_parse(const CLI::App& app, const CLI::ParseError& stop) {
    if (stop.get_exit_code() == 0) return app.exit(stop);
    const auto unknown = app.get_subcommands().empty() ? app.remaining() : std::vector<std::string>();
    std::string cause = stop.what();
    if (!unknown.empty()) {
        cause = unknown.front() + " is neither a command nor an option";
    } else if (app.get_subcommands().empty() && dynamic_cast<const CLI::RequiredError*>(&stop) != nullptr) {
        cause = "no command is given";
    }
    return fail_with(base::ExitCode::usage, "command line: " + cause + "; see lineage --help");
}

int run(int argc, char** argv) {
    Arguments arguments;
    const char* const from_environment = std::getenv("LINEAGE_DB");
    arguments.database = from_environment != nullptr && *from_environment != '\0' ? from_environment : default_database;

    CLI::App app("Where did this process come from?", "lineage");
    app.set_version_flag("--version", "lineage " LINEAGE_VERSION);
    app.footer(footer);
    declare_common(app, arguments);
    app.require_subcommand(1);
    const Command* chosen = nullptr;
    for (const auto* command : all_commands) {
        auto* const sub = app.add_subcommand(command->name, command->help);
        command->declare(*sub, arguments);
        declare_common(*sub, arguments);
        sub->callback([&chosen, command] { chosen = command; });
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& stop) {
        return finish_parse(app, stop);
    }
    const auto done = check_words(arguments).and_then([&] { return chosen->run(arguments); });
    return done ? 0 : fail_with(done.error().exit, done.error().message());
}

}  // namespace
}  // namespace lineage::cli

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);  // Output notices a reader that has gone
    return lineage::cli::run(argc, argv);
}
