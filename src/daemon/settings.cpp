#include "lineage/daemon/settings.hpp"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>

namespace lineage::daemon {

namespace {

std::string_view trim(std::string_view text) {
    constexpr std::string_view blank = " \t\r";
    const auto begin = text.find_first_not_of(blank);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(blank) - begin + 1);
}

/// One row a setting: its name, its bounds, where it goes.
struct Row {
    std::string_view name;
    std::uint64_t min;
    std::uint64_t max;
    void (*set)(Settings& settings, std::uint64_t value);
};

constexpr Row rows[] = {
    {"queue_bytes", 64U << 10, 1U << 30, [](Settings& s, std::uint64_t v) { s.queue_bytes = static_cast<int>(v); }},
    {"backlog_limit", 64, 1U << 24,
     [](Settings& s, std::uint64_t v) { s.backlog_limit = static_cast<std::uint32_t>(v); }},
    {"backlog_wait_ms", 0, 600'000,
     [](Settings& s, std::uint64_t v) { s.backlog_wait_ms = static_cast<std::uint32_t>(v); }},
    {"journal_bytes_max", 32U << 20, 1ULL << 50, [](Settings& s, std::uint64_t v) { s.journal_bytes_max = v; }},
    {"commit_ms", 1, 60'000, [](Settings& s, std::uint64_t v) { s.commit_ms = static_cast<int>(v); }},
};

base::Status read_line(std::string_view line, Settings& settings, const std::string& where) {
    const auto refuse = [&](const std::string& cause) { return base::fail(where, cause, base::ExitCode::usage); };
    line = trim(line.substr(0, line.find('#')));
    if (line.empty()) return {};
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) return refuse("expected `key = value`");
    const auto name = trim(line.substr(0, equals));
    const auto text = trim(line.substr(equals + 1));
    for (const Row& row : rows) {
        if (row.name != name) continue;
        std::uint64_t value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc{} || end != text.data() + text.size() || value < row.min || value > row.max)
            return refuse(std::string(name) + " must be a number from " + std::to_string(row.min) + " to " +
                          std::to_string(row.max));
        row.set(settings, value);
        return {};
    }
    return refuse("there is no setting `" + std::string(name) + "`");
}

}  // namespace

base::Status read_config(const std::string& path, Settings& settings) {
    std::ifstream in(path);
    if (!in) return base::fail("read " + path, std::strerror(errno), base::ExitCode::usage);
    std::string line;
    for (int number = 1; std::getline(in, line); ++number)
        if (auto read = read_line(line, settings, path + ":" + std::to_string(number)); !read) return read;
    if (in.bad()) return base::fail("read " + path, "it cannot be read to its end", base::ExitCode::usage);
    return {};
}

std::string journal_of(const std::string& database) {
    return std::filesystem::path(database).replace_extension(".journal").string();
}

}  // namespace lineage::daemon
