// What the machine's files say: of its boot, of journald, of augenrules, of lineaged's settings.
#include <dirent.h>
#include <linux/limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>

#include "command_line.hpp"
#include "lineage/doctor/doctor.hpp"
#include "running.hpp"

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

/// Calls `take(section, key, value)` for each `key = value` of an ini file.
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

/// The effective Audit=, and the drop-in that says it. What was built in stands in the main file behind a #; of
/// drop-ins of one name the one in /etc counts, then they are read in the order of their names (systemd's
/// conf_files_list, man journald.conf).
void read_journald(const std::string& root, Facts& facts) {
    const std::string main_file = "/etc/systemd/journald.conf";
    facts.journald_audit = "no";
    const auto read = [&](const std::string& path, const std::string& key) {
        for_each_value(read_whole(root + path).value_or(""),
                       [&](const auto& section, const auto& name, const auto& given) {
                           if (section != "Journal" || name != key) return;
                           facts.journald_audit = tristate(given);
                           facts.journald_file = path == main_file ? "" : path;
                       });
    };
    read(main_file, "#Audit");
    read(main_file, "Audit");
    std::map<std::string, std::string> dropins;
    for (const char* const folder : {"/lib", "/usr/lib", "/usr/local/lib", "/run", "/etc"}) {
        const std::string path = std::string(folder) + "/systemd/journald.conf.d/";
        for (const auto& name : names_in(root + path, ".conf").value_or(std::vector<std::string>()))
            dropins[name] = path + name;
    }
    for (const auto& [name, path] : dropins) read(path, "Audit");
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
        if (line.empty() || line.starts_with('#')) continue;
        if (line.find("key=lineage") != std::string::npos) facts.our_rule_file = true;
        facts.rule_lines.push_back({path, number, line});
    }
}

/// augenrules makes audit.rules of the files in rules.d; without them audit.rules is what is loaded.
void read_rule_files(const std::string& root, Facts& facts) {
    const auto names = names_in(root + rules_folder, ".rules");
    facts.rule_files_hidden = !names;
    if (!names) return;
    for (const auto& name : *names) read_rule_file(root, rules_folder + name, facts);
    if (names->empty()) read_rule_file(root, "/etc/audit/audit.rules", facts);
}

/// Words of the kernel's command line, out of a file of shell variables.
void read_grub_file(const std::string& root, const std::string& path, Facts& facts) {
    const auto text = read_whole(root + path).value_or("");
    // The package's own, which says nothing where the loader is gone.
    if (!facts.has_loader && text.find(loader_path) != std::string::npos && text.find("[ -x") != std::string::npos)
        return;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (trimmed(line).starts_with('#')) continue;
        for (const char* const name : {"audit", "audit_backlog_limit", "init", "rdinit"}) {
            const auto word = std::string(name) + "=";
            for (auto at = line.find(word); at != std::string::npos; at = line.find(word, at + 1)) {
                const char before = at == 0 ? ' ' : line[at - 1];
                if (std::isalnum(static_cast<unsigned char>(before)) != 0 || before == '_' || before == '.') continue;
                const auto from = at + word.size();
                const auto end = line.find_first_of(" \t\"'}", from);
                facts.grub_words.push_back(
                    {path, name, line.substr(from, end == std::string::npos ? end : end - from)});
            }
        }
    }
}

void read_grub(const std::string& root, Facts& facts) {
    const std::string folder = "/etc/default/grub.d/";
    read_grub_file(root, "/etc/default/grub", facts);
    for (const auto& name : names_in(root + folder, ".cfg").value_or(std::vector<std::string>()))
        read_grub_file(root, folder + name, facts);
}

/// By its name where a shell finds it so, else by its path.
void find_programs(const std::string& root, Facts& facts) {
    std::istringstream path(std::getenv("PATH") != nullptr ? std::getenv("PATH") : "");
    std::vector<std::string> folders;
    for (std::string folder; std::getline(path, folder, ':');)
        if (folder.starts_with('/')) folders.push_back(folder);
    const auto found_at = [&](const std::string& folder, const char* name) {
        return ::access((root + folder + "/" + name).c_str(), X_OK) == 0;
    };
    for (const char* const name : {"auditctl", "lineaged", "sudo", "update-grub"}) {
        for (const char* const folder : {"/sbin", "/usr/sbin", "/usr/local/sbin"})
            if (found_at(folder, name)) facts.programs[name] = std::string(folder) + "/" + name;
        if (std::any_of(folders.begin(), folders.end(), [&](const auto& folder) { return found_at(folder, name); }))
            facts.programs[name] = name;
    }
}

bool is_masked(const std::string& root) {
    for (const char* const folder : {"/etc/systemd/system/", "/run/systemd/system/"}) {
        char target[PATH_MAX];
        const auto size = ::readlink((root + folder + "lineaged.service").c_str(), target, sizeof target);
        if (size > 0 && std::string_view(target, static_cast<std::size_t>(size)) == "/dev/null") return true;
    }
    return false;
}

}  // namespace

void read_files(const std::string& root, Facts& facts) {
    facts.command_line = read_whole(root + "/proc/cmdline");
    facts.has_systemd = exists(root + "/run/systemd/system");
    facts.has_unit =
        exists_any(root, {"/etc/systemd/system/lineaged.service", "/usr/lib/systemd/system/lineaged.service",
                          "/lib/systemd/system/lineaged.service"});
    facts.unit_enabled = exists(root + "/etc/systemd/system/sysinit.target.wants/lineaged.service");
    facts.unit_masked = is_masked(root);
    facts.auditd_enabled = exists(root + "/etc/systemd/system/multi-user.target.wants/auditd.service");
    for (const char* const name : {"systemd-timesyncd", "chrony", "ntpsec", "ntp"})
        for (const char* const folder : {"/usr/lib", "/lib"})
            facts.has_time_service =
                facts.has_time_service || exists(root + folder + "/systemd/system/" + name + ".service");
    facts.has_loader = exists(root + loader_path);
    const auto inits = values_of(facts.command_line.value_or(""), "init");
    facts.has_init = !inits.empty() && exists(root + inits.back());
    read_grub(root, facts);
    find_programs(root, facts);
    if (exists_any(root, {"/usr/lib/systemd/systemd-journald", "/lib/systemd/systemd-journald"}))
        read_journald(root, facts);
    read_rule_files(root, facts);
}

void read_settings(const std::string& root, Facts& facts) {
    auto& settings = facts.settings;
    const auto& command = facts.recorder.command;
    const auto option = [&](const std::string& name) { return option_of(command, name); };
    settings.file = option("--config").value_or(settings::default_config);
    const auto text = read_whole(root + settings.file);
    if (text) {
        settings.text = *text;
        const auto read = settings::read_config_text(settings.file, *text, settings.values);
        if (!read) settings.trouble = read.error().message();
    } else if (errno != ENOENT) {
        settings.trouble = "read " + settings.file + ": " + std::strerror(errno);
        settings.not_permitted = errno == EACCES;
    }
    if (const auto source = option("--source"))
        settings.values.source = *source == "auto" || *source == "netlink" ? settings::SourceChoice::automatic
                                                                           : settings::SourceChoice::multicast;
    if (std::find(command.begin(), command.end(), "--no-rules") != command.end()) settings.values.rules = false;
}

}  // namespace lineage::doctor
