// What the machine's files say: of its boot, of journald, of augenrules, of lineaged's settings.
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <map>
#include <sstream>

#include "lineage/doctor/doctor.hpp"

namespace lineage::doctor {
namespace {

bool exists(const std::string& path) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0;
}

bool exists_any(const std::string& root, std::initializer_list<const char*> paths) {
    return std::any_of(paths.begin(), paths.end(), [&](const char* path) { return exists(root + path); });
}

std::optional<std::string> read_whole(const std::string& path) {
    std::ifstream file(path);
    if (!file) return std::nullopt;
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::string trimmed(const std::string& text) {
    const auto from = text.find_first_not_of(" \t\r");
    if (from == std::string::npos) return {};
    return text.substr(from, text.find_last_not_of(" \t\r") - from + 1);
}

/// The names in a folder that end so, sorted; nullopt where it may not be read.
std::optional<std::vector<std::string>> names_in(const std::string& folder, const std::string& ending) {
    std::vector<std::string> names;
    DIR* const stream = ::opendir(folder.c_str());
    if (stream == nullptr) return errno == EACCES ? std::nullopt : std::optional(names);
    while (const dirent* const entry = ::readdir(stream)) {
        const std::string name = entry->d_name;
        if (name.size() > ending.size() && name.ends_with(ending)) names.push_back(name);
    }
    ::closedir(stream);
    std::sort(names.begin(), names.end());
    return names;
}

/// Calls `take(section, key, value)` for each `key = value` of an ini file, or of the part of TOML that looks like one.
template <class Take>
void for_each_value(const std::string& text, const Take& take) {
    std::istringstream lines(text);
    std::string section;
    for (std::string line; std::getline(lines, line);) {
        line = trimmed(line);
        if (line.starts_with('[') && line.ends_with(']')) section = line.substr(1, line.size() - 2);
        const auto equals = line.find('=');
        if (line.starts_with('[') || equals == std::string::npos) continue;
        take(section, trimmed(line.substr(0, equals)), trimmed(line.substr(equals + 1)));
    }
}

/// As config_parse_tristate and parse_boolean in systemd's src/shared: "" leaves audit as it is.
std::string tristate(const std::string& value) {
    if (value.empty() || value == "keep") return "";
    for (const char* const yes : {"1", "yes", "y", "true", "t", "on"})
        if (value == yes) return "yes";
    return "no";
}

/// The effective Audit=. What was built in stands in the main file behind a #; of drop-ins of one name the one in /etc
/// counts, then they are read in the order of their names (systemd's conf_files_list, man journald.conf).
std::string audit_of_journald(const std::string& root) {
    const std::string main_file = root + "/etc/systemd/journald.conf";
    std::string value = "no";
    const auto read = [&](const std::string& path, const std::string& key) {
        for_each_value(read_whole(path).value_or(""), [&](const auto& section, const auto& name, const auto& given) {
            if (section == "Journal" && name == key) value = tristate(given);
        });
    };
    read(main_file, "#Audit");
    read(main_file, "Audit");
    std::map<std::string, std::string> dropins;
    for (const char* const folder : {"/lib", "/usr/lib", "/usr/local/lib", "/run", "/etc"}) {
        const std::string path = root + folder + "/systemd/journald.conf.d/";
        for (const auto& name : names_in(path, ".conf").value_or(std::vector<std::string>()))
            dropins[name] = path + name;
    }
    for (const auto& [name, path] : dropins) read(path, "Audit");
    return value;
}

bool bears_on_ours(const std::string& line) {
    const auto says = [&](const char* text) { return line.find(text) != std::string::npos; };
    return line == "-D" || line.starts_with("-D ") || line.starts_with("-e 2") || says("never,task") ||
           says("task,never");
}

void read_rule_file(const std::string& root, const std::string& path, Facts& facts) {
    const auto text = read_whole(root + path);
    if (!text) {
        facts.rule_files_hidden = facts.rule_files_hidden || exists(root + path);
        return;
    }
    std::istringstream lines(*text);
    int number = 0;
    for (std::string line; std::getline(lines, line);) {
        ++number;
        line = trimmed(line);
        if (line.starts_with('#')) continue;
        if (line.find("key=lineage") != std::string::npos) facts.our_rule_file = true;
        if (bears_on_ours(line)) facts.rule_lines.push_back({path, number, line});
    }
}

/// augenrules makes audit.rules of the files in rules.d; without them audit.rules is what is loaded.
void read_rule_files(const std::string& root, Facts& facts) {
    const std::string folder = "/etc/audit/rules.d/";
    const auto names = names_in(root + folder, ".rules");
    facts.rule_files_hidden = !names;
    if (!names) return;
    for (const auto& name : *names) read_rule_file(root, folder + name, facts);
    if (names->empty()) read_rule_file(root, "/etc/audit/audit.rules", facts);
}

std::string without_quotes(const std::string& value) {
    const auto hash = value.find('#');
    auto plain = trimmed(value.substr(0, hash));
    plain.erase(std::remove(plain.begin(), plain.end(), '"'), plain.end());
    return plain;
}

}  // namespace

void read_files(const std::string& root, Facts& facts) {
    facts.command_line = read_whole(root + "/proc/cmdline");
    facts.has_systemd = exists(root + "/run/systemd/system");
    facts.has_unit =
        exists_any(root, {"/etc/systemd/system/lineaged.service", "/usr/lib/systemd/system/lineaged.service",
                          "/lib/systemd/system/lineaged.service"});
    facts.unit_enabled = exists(root + "/etc/systemd/system/sysinit.target.wants/lineaged.service");
    facts.auditd_enabled = exists(root + "/etc/systemd/system/multi-user.target.wants/auditd.service");
    facts.has_grub_dropin = exists(root + "/etc/default/grub.d/lineage.cfg");
    facts.has_loader = exists(root + "/usr/sbin/lineage-early");
    if (exists_any(root, {"/usr/lib/systemd/systemd-journald", "/lib/systemd/systemd-journald"}))
        facts.journald_audit = audit_of_journald(root);
    read_rule_files(root, facts);
    for_each_value(read_whole(root + "/etc/lineage/lineage.toml").value_or(""),
                   [&](const auto& section, const auto& key, const auto& value) {
                       if (section == "history" && key == "max_size") facts.history_max_size = without_quotes(value);
                   });
    if (facts.history_max_size == "0") facts.history_max_size.clear();
}

}  // namespace lineage::doctor
