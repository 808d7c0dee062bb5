// Goal: what we read from a record is what libauparse reads from it, for real logs of this kernel.
// Method: every golden log goes through our assembler and, event by event, through libauparse; pid, ppid, the six ids,
// tty, comm, exe and every argument are compared. libauparse gets one event's lines at a time: what it makes of whole
// logs is why it does not assemble for us. Its fields are walked record by record, for auparse_find_field runs into the
// next.
#include <auparse.h>
#include <doctest/doctest.h>
#include <libaudit.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "lineage/audit/assembler.hpp"

namespace {

namespace model = lineage::model;
namespace fs = std::filesystem;

struct Fields {
    std::map<std::string, std::string> of_task;  ///< as text, strings unescaped
    std::vector<std::string> argv;
};

/// The lines of each event, by serial, as the log has them.
std::map<std::int64_t, std::string> events_of(const fs::path& log) {
    std::map<std::int64_t, std::string> events;
    std::ifstream in(log);
    for (std::string line; std::getline(in, line);)
        if (const auto stamp = lineage::audit::stamp_of(line)) events[stamp->serial] += line + "\n";
    return events;
}

const char* interpreted(auparse_state_t* state) {
    const char* text = auparse_interpret_field(state);
    return text == nullptr ? "" : text;
}

Fields by_auparse(const std::string& lines) {
    Fields fields;
    auparse_state_t* const state = auparse_init(AUSOURCE_BUFFER, lines.c_str());
    REQUIRE(state != nullptr);
    auparse_set_escape_mode(state, AUPARSE_ESC_RAW);
    REQUIRE(auparse_next_event(state) > 0);
    auparse_first_record(state);
    do {
        const int type = auparse_get_type(state);
        if (type != AUDIT_SYSCALL && type != AUDIT_EXECVE) continue;
        auparse_first_field(state);
        do {
            const std::string name = auparse_get_field_name(state);
            const bool text = name == "comm" || name == "exe";
            if (type == AUDIT_SYSCALL)
                fields.of_task[name] = text ? interpreted(state) : auparse_get_field_str(state);
            else if (name.size() > 1 && name[0] == 'a' && name[1] >= '0' && name[1] <= '9' &&
                     name.find_first_of("[_") == std::string::npos)
                fields.argv.push_back(interpreted(state));
        } while (auparse_next_field(state) > 0);
    } while (auparse_next_record(state) > 0);
    auparse_destroy(state);
    return fields;
}

const model::AuditHeader* header_of(const model::Observation& observation) {
    return std::visit(
        [](const auto& fact) -> const model::AuditHeader* {
            if constexpr (requires { fact.task; }) return &fact.task;
            return nullptr;
        },
        observation);
}

void compare(const model::AuditHeader& ours, const Fields& theirs) {
    const auto number = [&](const char* name) { return std::stoll(theirs.of_task.at(name)); };
    CHECK(ours.pid == number("pid"));
    if (number("ppid") != 0) CHECK(ours.ppid == number("ppid"));
    REQUIRE(ours.credentials.has_value());
    const auto& who = *ours.credentials;
    CHECK(who.uid == number("uid"));
    CHECK(who.gid == number("gid"));
    CHECK(who.euid == number("euid"));
    CHECK(who.egid == number("egid"));
    CHECK(who.auid == static_cast<std::uint32_t>(number("auid")));
    CHECK(who.ses == static_cast<std::uint32_t>(number("ses")));
    CHECK((who.tty.empty() ? "(none)" : who.tty) == theirs.of_task.at("tty"));
    CHECK(ours.comm == theirs.of_task.at("comm"));
    CHECK(ours.exe == theirs.of_task.at("exe"));
}

}  // namespace

TEST_CASE("libauparse reads the same from every event of the recorded logs") {
    int compared = 0;
    int with_arguments = 0;
    for (const auto& directory : fs::directory_iterator(LINEAGE_GOLDEN)) {
        const fs::path log = directory.path() / "in";
        if (!fs::is_regular_file(log)) continue;
        CAPTURE(log.string());
        std::map<std::int64_t, model::Observation> ours;
        lineage::audit::Assembler assembler([&](model::Observation&& observation) {
            if (const auto* task = header_of(observation)) {
                const auto serial = task->serial;
                ours.emplace(serial, std::move(observation));
            }
        });
        const auto events = events_of(log);
        for (const auto& [serial, lines] : events) {
            std::istringstream in(lines);
            for (std::string line; std::getline(in, line);) assembler.line(line, 0);
        }
        assembler.finish();
        for (const auto& event : events) {
            const auto serial = event.first;
            const std::string& lines = event.second;
            const Fields theirs = by_auparse(lines);
            if (theirs.of_task.empty()) continue;
            CAPTURE(serial);
            REQUIRE(ours.count(serial) == 1);
            compare(*header_of(ours.at(serial)), theirs);
            ++compared;
            const auto* exec = std::get_if<model::AuditExec>(&ours.at(serial));
            if (exec == nullptr || !exec->success || lines.find("[0]=") != std::string::npos) continue;
            CHECK(exec->argv == theirs.argv);
            ++with_arguments;
        }
    }
    CHECK(compared > 100);
    CHECK(with_arguments > 20);
}
