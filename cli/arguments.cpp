#include "arguments.hpp"

namespace lineage::cli {

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
    add_text(app, "PROC", arguments.process, "PID, @ID, or TIME:SERIAL of an audit event", "")->required(required);
}

void declare_moment(CLI::App& app, Arguments& arguments) {
    add_text(app, "--at", arguments.at, "The life of the pid that had begun then (default: the latest)", "TIME");
}

void declare_host(CLI::App& app, Arguments& arguments) {
    add_text(app, "--host", arguments.host, "On this host alone: its name, with or without its domain", "HOST");
}

void declare_where(CLI::App& app, Arguments& arguments) {
    declare_host(app, arguments);
    add_text(app, "--boot", arguments.boot,
             "In this boot alone: 0 for the newest (of --host), -1 for the one before, its number, or the start "
             "of its boot_id",
             "BOOT");
}

void declare_filters(CLI::App& app, Arguments& arguments) {
    add_text(app, "--exe", arguments.exe, "The file it runs or ran matches", "GLOB");
    add_text(app, "--arg", arguments.arg, "One of its arguments contains", "TEXT");
    add_text(app, "--comm", arguments.comm, "Its command name matches", "GLOB");
    add_text(app, "--uid", arguments.uid, "It was this user", "N|NAME");
    add_text(app, "--auid", arguments.auid, "It belonged to this user's login", "N|NAME");
    app.add_option("--pid", arguments.pid, "It had this pid")->type_name("N")->check(at_least(0));
    add_text(app, "--since", arguments.since, "It lived at or after", "TIME");
    add_text(app, "--until", arguments.until, "It was born at or before", "TIME");
    add_text(app, "--under", arguments.under, "It is this process or descends from it", "PROC");
    add_text(app, "--signal", arguments.signal, "It was killed by this signal", "N|NAME");
    add_text(app, "--ancestor", arguments.ancestor,
             "A process that it descends from ran, before that, a file that matches", "GLOB");
    add_text(app, "--record", arguments.record, "A record of this type was kept on it (AVC, USER_LOGIN, ...)", "TYPE");
    add_text(app, "--key", arguments.key, "A record was kept on it that a rule with this key made", "KEY");
    app.add_option("--limit", arguments.limit, "No more than this many")->type_name("N")->check(at_least(1));
}

}  // namespace lineage::cli
