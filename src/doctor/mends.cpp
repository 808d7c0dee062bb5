#include "mends.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace lineage::doctor {
namespace {

constexpr const char* install_it = "install lineage's package: ./dev package, then apt install the file (README.md)";
constexpr int dying_s = 2;  // its second process and the database's lock go a moment after it

bool is_plain(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("_./:@%+-,=").find(c) != std::string_view::npos;
}

/// Does lineaged.service record into the database that was asked for?
bool is_of_service(const Facts& facts) {
    return facts.has_systemd && facts.has_unit && facts.settings.values.database == facts.database.path;
}

std::string lineaged(const Facts& facts, const std::vector<std::string>& words) {
    if (!has_program(facts, "lineaged")) return by_hand(install_it);
    auto command = program(facts, "lineaged");
    for (const auto& word : words) command += " " + quoted(word);
    return command;
}

/// What it was started with, but for what bound it to who started it: it returns once it records.
std::vector<std::string> again_with(const Facts& facts) {
    std::vector<std::string> words;
    const auto& command = facts.recorder.command;
    for (std::size_t i = 0; i < command.size(); ++i) {
        const auto name = command[i].substr(0, command[i].find('='));
        const bool is_left_out = name == "--ready-fd" || name == "--db";
        if (is_left_out && name == command[i]) ++i;  // its value follows
        if (!is_left_out && name != "--foreground") words.push_back(command[i]);
    }
    if (facts.database.path != facts.settings.values.database) words.insert(words.end(), {"--db", facts.database.path});
    return words;
}

}  // namespace

std::string quoted(const std::string& word) {
    if (!word.empty() && std::all_of(word.begin(), word.end(), is_plain)) return word;
    std::string text = "'";
    for (const char c : word) text += c == '\'' ? std::string("'\"'\"'") : std::string(1, c);
    return text + "'";
}

std::string by_hand(const std::string& what) {
    return "# " + what;
}

bool has_program(const Facts& facts, const std::string& name) {
    return facts.programs.contains(name);
}

std::string program(const Facts& facts, const std::string& name) {
    const auto found = facts.programs.find(name);
    return found == facts.programs.end() ? name : quoted(found->second);
}

std::string start_recorder(const Facts& facts) {
    const auto& recorder = facts.recorder;
    if (recorder.elsewhere_pid != 0)
        return by_hand(fmt::format("lineaged (pid {}) records into another database: lineage --db {} doctor",
                                   recorder.elsewhere_pid, quoted(recorder.elsewhere)));
    std::vector<std::string> words;
    if (facts.settings.values.database != facts.database.path) words = {"--db", facts.database.path};
    if (!facts.audit && !facts.audit_needs_privilege) {  // neither the service nor lineaged unasked would run
        words.insert(words.end(), {"--source", "connector"});
    } else if (is_of_service(facts)) {
        return std::string(facts.unit_masked ? "systemctl unmask lineaged && " : "") + "systemctl start lineaged";
    }
    return lineaged(facts, words);
}

std::string restart_recorder(const Facts& facts) {
    const auto& recorder = facts.recorder;
    if (recorder.of_service) return "systemctl kill --kill-who=main --signal=KILL lineaged";
    const auto again = lineaged(facts, again_with(facts));
    if (again.starts_with('#')) return by_hand(fmt::format("end lineaged (pid {}) and start it again", recorder.pid));
    return fmt::format("kill -KILL {}; sleep {}; {}", recorder.pid, dying_s, again);
}

std::string set_recording(const Facts& facts) {
    return facts.recorder.running ? restart_recorder(facts) : start_recorder(facts);
}

std::string and_reload(const Facts& facts) {
    if (!facts.recorder.running) return "";
    return facts.recorder.of_service ? " && systemctl reload lineaged"
                                     : fmt::format(" && kill -HUP {}", facts.recorder.pid);
}

std::string control_audit(const Facts& facts, const std::string& words, bool by_lineaged) {
    if (facts.audit && facts.audit->state.enabled == 2)
        return by_hand("audit is locked until the next boot, and so are its rules and settings: reboot");
    if (has_program(facts, "auditctl")) return program(facts, "auditctl") + " " + words;
    if (by_lineaged) return set_recording(facts);
    return by_hand("auditctl is not installed here (on Debian it comes with auditd); with it: auditctl " + words);
}

std::string ask_as_root(const Facts& facts) {
    const auto command = fmt::format("lineage --db {} doctor", quoted(facts.database.path));
    return has_program(facts, "sudo") ? "sudo " + command : fmt::format("su -c {}", quoted(command));
}

}  // namespace lineage::doctor
