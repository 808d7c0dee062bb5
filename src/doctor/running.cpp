#include "running.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "lineage/settings/settings.hpp"

namespace lineage::doctor {
namespace {

namespace fs = std::filesystem;

std::string folder_of(std::uint32_t pid) {
    return "/proc/" + std::to_string(pid);
}

std::string read_whole(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::uint32_t parent_of(std::uint32_t pid) {
    std::istringstream lines(read_whole(folder_of(pid) + "/status"));
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with("PPid:")) return static_cast<std::uint32_t>(std::strtoul(line.c_str() + 5, nullptr, 10));
    return 0;
}

/// A relative path is one from where it was started, which a process in the background has left.
std::string absolute_of(std::uint32_t pid, const std::string& path) {
    std::error_code unknown;
    const auto start = fs::read_symlink(folder_of(pid) + "/cwd", unknown);
    return (start / path).lexically_normal().string();
}

}  // namespace

std::string comm_of(std::uint32_t pid) {
    const auto comm = read_whole(folder_of(pid) + "/comm");
    return comm.substr(0, comm.find('\n'));
}

bool is_of_unit(std::uint32_t pid, const std::string& unit) {
    std::istringstream lines(read_whole(folder_of(pid) + "/cgroup"));
    for (std::string line; std::getline(lines, line);)
        if (line.ends_with("/" + unit)) return true;
    return false;
}

bool is_lineaged(std::uint32_t pid) {
    return comm_of(pid) == "lineaged" && !read_whole(folder_of(pid) + "/cmdline").empty();
}

std::vector<std::string> arguments_of(std::uint32_t pid) {
    std::istringstream text(read_whole(folder_of(pid) + "/cmdline"));
    std::vector<std::string> arguments;
    for (std::string argument; std::getline(text, argument, '\0');) arguments.push_back(argument);
    if (!arguments.empty()) arguments.erase(arguments.begin());
    return arguments;
}

std::optional<std::string> option_of(const std::vector<std::string>& arguments, const std::string& name) {
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        if (arguments[i].starts_with(name + "=")) return arguments[i].substr(name.size() + 1);
        if (arguments[i] == name && i + 1 < arguments.size()) return arguments[i + 1];
    }
    return std::nullopt;
}

std::vector<std::uint32_t> recorders() {
    std::vector<std::uint32_t> pids;
    std::error_code unknown;
    for (fs::directory_iterator entry("/proc", unknown), end; !unknown && entry != end; entry.increment(unknown)) {
        const auto name = entry->path().filename().string();
        if (!std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isdigit(c) != 0; })) continue;
        const auto pid = static_cast<std::uint32_t>(std::strtoul(name.c_str(), nullptr, 10));
        if (is_lineaged(pid) && !is_lineaged(parent_of(pid))) pids.push_back(pid);
    }
    return pids;
}

std::string database_of(std::uint32_t pid) {
    const auto arguments = arguments_of(pid);
    if (const auto database = option_of(arguments, "--db")) return absolute_of(pid, *database);
    settings::Settings settings;
    (void)settings::read_config(absolute_of(pid, option_of(arguments, "--config").value_or(settings::default_config)),
                                settings);
    return settings.database;
}

}  // namespace lineage::doctor
