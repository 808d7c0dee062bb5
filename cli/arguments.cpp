#include "arguments.hpp"

namespace lineage::cli {

CLI::Validator at_least(std::int64_t least) {
    return CLI::Validator(
        [least](std::string& text) {
            std::int64_t number = 0;
            if (CLI::detail::lexical_cast(text, number) && number >= least) return std::string();
            return text + " is not a whole number from " + std::to_string(least) + " on";
        },
        "");
}

CLI::Validator not_empty() {
    return CLI::Validator([](std::string& text) { return std::string(text.empty() ? "is empty" : ""); }, "");
}

void declare_common(CLI::App& app, Arguments& arguments) {
    const char* const group = "Common options";
    app.add_option("--db", arguments.database, "The database (or LINEAGE_DB)")->type_name("FILE")->group(group);
    app.add_flag("--json", arguments.json, "JSON instead of text")->group(group);
    app.add_option("--color", arguments.color, "auto (on a terminal), always or never")
        ->type_name("WHEN")
        ->check(CLI::IsMember({"auto", "always", "never"}))
        ->group(group);
    app.add_flag("--utc", arguments.utc, "Times in UTC, not local")->group(group);
    app.add_flag("--strict", arguments.strict, "Exit with 5 where the answer touches a gap")->group(group);
}

void declare_process(CLI::App& app, Arguments& arguments, bool required) {
    app.add_option("PROC", arguments.process, "PID, @ID, or TIME:SERIAL of an audit event")
        ->type_name("")
        ->required(required)
        ->check(not_empty());
}

void declare_moment(CLI::App& app, Arguments& arguments) {
    app.add_option("--at", arguments.at, "The life of the pid that had begun then (default: the latest)")
        ->type_name("TIME")
        ->check(not_empty());
}

void declare_host(CLI::App& app, Arguments& arguments) {
    app.add_option("--host", arguments.host, "On this host alone: its name, with or without its domain")
        ->type_name("HOST")
        ->check(not_empty());
}

void declare_where(CLI::App& app, Arguments& arguments) {
    declare_host(app, arguments);
    app.add_option("--boot", arguments.boot,
                   "In this boot alone: 0 for the newest (of --host), -1 for the one before, its number, or the start "
                   "of its boot_id")
        ->type_name("BOOT")
        ->check(not_empty());
}

void declare_filters(CLI::App& app, Arguments& arguments) {
    app.add_option("--exe", arguments.exe, "The file it runs or ran matches")->type_name("GLOB")->check(not_empty());
    app.add_option("--arg", arguments.arg, "One of its arguments contains")->type_name("TEXT")->check(not_empty());
    app.add_option("--comm", arguments.comm, "Its command name matches")->type_name("GLOB")->check(not_empty());
    app.add_option("--uid", arguments.uid, "It was this user")->type_name("N|NAME")->check(not_empty());
    app.add_option("--auid", arguments.auid, "It belonged to this user's login")
        ->type_name("N|NAME")
        ->check(not_empty());
    app.add_option("--pid", arguments.pid, "It had this pid")->type_name("N")->check(at_least(0));
    app.add_option("--since", arguments.since, "It lived at or after")->type_name("TIME")->check(not_empty());
    app.add_option("--until", arguments.until, "It was born at or before")->type_name("TIME")->check(not_empty());
    app.add_option("--under", arguments.under, "It is this process or descends from it")
        ->type_name("PROC")
        ->check(not_empty());
    app.add_option("--signal", arguments.signal, "It was killed by this signal")
        ->type_name("N|NAME")
        ->check(not_empty());
    app.add_option("--ancestor", arguments.ancestor,
                   "A process that it descends from ran, before that, a file that matches")
        ->type_name("GLOB")
        ->check(not_empty());
    app.add_option("--record", arguments.record, "A record of this type was kept on it (AVC, USER_LOGIN, ...)")
        ->type_name("TYPE")
        ->check(not_empty());
    app.add_option("--key", arguments.key, "A record was kept on it that a rule with this key made")
        ->type_name("KEY")
        ->check(not_empty());
    app.add_option("--limit", arguments.limit, "No more than this many")->type_name("N")->check(at_least(1));
}

}  // namespace lineage::cli
