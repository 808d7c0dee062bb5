// `lineage import FILE...|-`: audit logs into the database.
#include <fmt/format.h>

#include <cstdio>

#include "../command.hpp"
#include "lineage/ingest/pipeline.hpp"

namespace lineage::cli {
namespace {

void declare(CLI::App& app, Arguments& arguments) {
    app.add_option("FILE", arguments.inputs, "Audit logs (plain or .gz), journal directories, or - for standard input")
        ->type_name("")
        ->required();
}

base::Status run(const Arguments& arguments) {
    const auto writer = store::open_writer(arguments.database);
    if (!writer) return tl::unexpected(writer.error());
    const auto report = ingest::import(arguments.inputs, **writer);
    if (!report) return tl::unexpected(report.error());
    if (report->events == 0 && report->processes == 0) {
        return base::fail(fmt::format("import {}", fmt::join(arguments.inputs, " ")), "holds no audit record");
    }
    const auto counts = fmt::format("lineage: imported {} events, {} processes, {} malformed lines, {} incomplete events\n",
                                    report->events, report->processes, report->malformed, report->incomplete);
    std::fputs(counts.c_str(), stderr);
    return {};
}

}  // namespace

const Command import_command{"import", "Audit logs, raw or enriched, into the database", declare, run};

}  // namespace lineage::cli
