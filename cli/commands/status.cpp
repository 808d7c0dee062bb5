// `lineage status`: the recorder, its rules and witnesses, what was lost, how large it all is. Needs no running
// recorder.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "../command.hpp"
#include "../output.hpp"
#include "../selection.hpp"
#include "../view.hpp"

namespace lineage::cli {
namespace {

std::string first_line_of(const std::string& path) {
    std::string line;
    std::ifstream file(path);
    std::getline(file, line);
    return line;
}

/// The database may have been written in an earlier boot, and the pid be another program's by now.
bool is_recorder_alive(const std::map<std::string, std::string>& facts) {
    const auto fact = [&](const char* name) {
        const auto found = facts.find(name);
        return found == facts.end() ? std::string() : found->second;
    };
    const auto pid = fact("recorder.pid");
    return !pid.empty() && pid.find_first_not_of("0123456789") == std::string::npos &&
           fact("recorder.boot") == first_line_of("/proc/sys/kernel/random/boot_id") &&
           first_line_of("/proc/" + pid + "/comm") == "lineaged";
}

std::map<std::string, std::string> describe(const store::Reader::Sizes& sizes, const std::string& path) {
    std::map<std::string, std::string> facts{{"path", path},
                                             {"bytes", fmt::format("{}", sizes.bytes)},
                                             {"processes", fmt::format("{}", sizes.processes)},
                                             {"alive", fmt::format("{}", sizes.alive)},
                                             {"images", fmt::format("{}", sizes.images)},
                                             {"schema", fmt::format("{}", sizes.schema_version)}};
    if (sizes.oldest_ns) facts["oldest"] = render::time_json(*sizes.oldest_ns);
    if (sizes.newest_ns) facts["newest"] = render::time_json(*sizes.newest_ns);
    return facts;
}

/// What is wrong with the recorder at the moment: it says so in a file, for it may be that it cannot write the
/// database.
void add_troubles(std::map<std::string, std::string>& facts) {
    const auto file = facts.extract("recorder.troubles");
    if (file.empty()) return;
    std::ifstream lines(file.mapped());
    for (std::string topic, message; lines >> topic && std::getline(lines >> std::ws, message);)
        facts["recorder.trouble." + topic] = message;
}

base::Result<render::Status> read_status(const std::string& path, store::Reader& reader) {
    auto facts = reader.facts();
    if (!facts) return tl::unexpected(facts.error());
    add_troubles(*facts);
    const auto gaps = reader.gaps();
    if (!gaps) return tl::unexpected(gaps.error());
    const auto boots = reader.boots();
    if (!boots) return tl::unexpected(boots.error());
    const auto sizes = reader.sizes();
    if (!sizes) return tl::unexpected(sizes.error());
    const auto tampering = reader.tampering();
    if (!tampering) return tl::unexpected(tampering.error());
    render::Status status{*facts, *gaps, *tampering, {}, {}, describe(*sizes, path), is_recorder_alive(*facts)};
    for (const auto& tamper : *tampering) {
        if (tamper.by == 0) continue;
        auto culprit = query::path_of(reader, tamper.by);  // one that was forgotten is no failure
        if (culprit) status.culprits.emplace(tamper.by, std::move(*culprit));
    }
    for (const auto& boot : *boots) status.boots[boot.id] = boot.name;
    return status;
}

void declare(CLI::App&, Arguments&) {}

base::Status run(const Arguments& arguments) {
    const auto reader = open_database(arguments);
    if (!reader) return tl::unexpected(reader.error());
    const auto status = read_status(arguments.database, **reader);
    if (!status) return tl::unexpected(status.error());
    std::string text;
    if (arguments.json) {
        text = render::status_json(*status) + "\n";
    } else {
        render::status_text(*status, style_of(arguments, false), text);
    }
    auto output = Output::open("");
    if (!output) return tl::unexpected(output.error());
    output->write(text);
    return output->finish().and_then([&] { return verdict_on(arguments, status->gaps); });
}

}  // namespace

const Command status_command{"status", "The recorder, its rules, what was lost, sizes", declare, run};

}  // namespace lineage::cli
