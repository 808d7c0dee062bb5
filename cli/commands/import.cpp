// `lineage import FILE...|-`: audit logs into the database.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>

#include "../command.hpp"
#include "lineage/ingest/pipeline.hpp"

namespace lineage::cli {
namespace {

void declare(CLI::App& app, Arguments& arguments) {
    app.add_option("FILE", arguments.inputs, "Audit logs (plain or .gz), journal directories, or - for standard input")
        ->type_name("")
        ->required();
    app.add_option("--host", arguments.host, "Whose logs they are, where a line does not say it (node=)")
        ->type_name("HOST");
}

/// A clock is set back by less, records are displaced by less.
constexpr model::TimeNs out_of_order_ns = 60'000'000'000;

base::Result<ingest::ImportReport> import(const Arguments& arguments) {
    const auto writer = store::open_writer(arguments.database);
    if (!writer) return tl::unexpected(writer.error());
    auto report = ingest::import(arguments.inputs, **writer, {arguments.host});
    if (report && report->events == 0 && report->processes == 0)
        return base::fail(fmt::format("import {}", fmt::join(arguments.inputs, " ")), "holds no audit record");
    return report;
}

base::Status run(const Arguments& arguments) {
    std::error_code unknown;
    const bool is_new = !std::filesystem::exists(arguments.database, unknown) && !unknown;
    const auto report = import(arguments);
    if (!report) {
        for (const char* part : {"", "-wal", "-shm", ".lock"})
            if (is_new) std::filesystem::remove(arguments.database + part, unknown);
        return tl::unexpected(report.error());
    }
    const auto counts =
        fmt::format("lineage: imported {} events, {} processes, {} malformed lines, {} incomplete events\n",
                    report->events, report->processes, report->malformed, report->incomplete);
    std::fputs(counts.c_str(), stderr);
    if (report->boots > 1)
        std::fputs(fmt::format("lineage: hosts: {}, boots: {}\n", report->hosts, report->boots).c_str(), stderr);
    if (report->backward_ns >= out_of_order_ns)
        std::fputs(fmt::format("lineage: times go back by {} s in the input; if it is not in order (a rotated set the "
                               "newest first), boots are not told apart and pids are confused: give the files oldest "
                               "first\n",
                               report->backward_ns / 1'000'000'000)
                       .c_str(),
                   stderr);
    return {};
}

}  // namespace

const Command import_command{"import", "Audit logs, raw or enriched, into the database", declare, run};

}  // namespace lineage::cli
