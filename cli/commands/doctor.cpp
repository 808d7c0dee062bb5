// `lineage doctor`: what is wrong with this machine, and the mend.
#include "lineage/doctor/doctor.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "../command.hpp"
#include "../output.hpp"
#include "../view.hpp"

namespace lineage::cli {
namespace {

using State = model::Finding::State;

// What is received is in the database a commit (0.1 s) later; a loaded machine takes its time.
constexpr int watch_ms = 5000;

void declare(CLI::App&, Arguments&) {}

/// What is bad counts more than what could not be seen.
base::Status verdict(const std::vector<model::Finding>& findings) {
    const auto count = [&](State state) {
        return std::count_if(findings.begin(), findings.end(), [&](const auto& one) { return one.state == state; });
    };
    if (const auto bad = count(State::bad); bad != 0)
        return base::fail("doctor", fmt::format("{} of {} checks are bad", bad, findings.size()),
                          base::ExitCode::nothing_matched);
    if (count(State::skipped) == 0) return {};
    std::string names;
    for (const auto& finding : findings)
        if (finding.state == State::skipped) names += (names.empty() ? "" : ", ") + finding.name;
    return base::fail("doctor", "not permitted to check " + names, base::ExitCode::not_permitted);
}

base::Status run(const Arguments& arguments) {
    doctor::Facts facts;
    doctor::read_files("", facts);
    doctor::ask_kernel(facts);
    doctor::ask_database(arguments.database, watch_ms, facts);
    doctor::read_settings("", facts);
    const auto findings = doctor::examine(facts);
    std::string text;
    if (arguments.json) {
        text = render::findings_json(findings) + "\n";
    } else {
        render::findings_text(findings, style_of(arguments, false), text);
    }
    auto output = Output::open("");
    if (!output) return tl::unexpected(output.error());
    output->write(text);
    return output->finish().and_then([&] { return verdict(findings); });
}

}  // namespace

const Command doctor_command{"doctor", "What is wrong with this machine, and the mend", declare, run};

}  // namespace lineage::cli
