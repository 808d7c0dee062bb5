// `lineage recover [--from BAD.db] [--journal DIR] -o NEW.db`: a history built again from a journal, and from what a
// damaged database still tells of the time before it.
#include "lineage/ingest/recover.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>

#include "../command.hpp"

namespace lineage::cli {
namespace {

void declare(CLI::App& app, Arguments& arguments) {
    app.add_option("--from", arguments.from, "The damaged database; it is only read, best a copy with its -wal")
        ->type_name("FILE");
    app.add_option("--journal", arguments.journal, "The journal; by default the one beside --db, where there is one")
        ->type_name("DIR");
    app.add_option("-o,--output", arguments.output, "The new database; there must be none yet")
        ->type_name("FILE")
        ->required();
}

std::string journal_of(const Arguments& arguments) {
    if (!arguments.journal.empty()) return arguments.journal;
    const auto beside = std::filesystem::path(arguments.database).replace_extension(".journal").string();
    std::error_code unknown;
    return std::filesystem::is_directory(beside, unknown) ? beside : "";
}

base::Result<ingest::RecoverReport> recover(const Arguments& arguments, const std::string& journal) {
    const auto writer = store::open_writer(arguments.output);
    if (!writer) return tl::unexpected(writer.error());
    return ingest::recover(journal, arguments.from, **writer, [&] { return store::open_reader(arguments.output); });
}

base::Status run(const Arguments& arguments) {
    const auto journal = journal_of(arguments);
    if (journal.empty() && arguments.from.empty())
        return base::fail("recover", "there is neither a journal beside " + arguments.database + " nor --from",
                          base::ExitCode::usage);
    std::error_code unknown;
    if (std::filesystem::exists(arguments.output, unknown))
        return base::fail("recover to " + arguments.output, "it is there already", base::ExitCode::usage);
    const auto report = recover(arguments, journal);
    if (!report) {
        for (const char* part : {"", "-wal", "-shm", ".lock"})
            std::filesystem::remove(arguments.output + part, unknown);
        return tl::unexpected(report.error());
    }
    const auto counts = fmt::format(
        "lineage: recovered {} processes from the journal, {} from the database, which "
        "cannot be read in {} places\n",
        report->from_journal, report->from_database, report->holes);
    std::fputs(counts.c_str(), stderr);
    return {};
}

}  // namespace

const Command recover_command{"recover", "A damaged history, built again", declare, run};

}  // namespace lineage::cli
