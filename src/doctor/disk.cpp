// The database's disk, and the bound that keeps the history from filling it.
#include <sstream>

#include "checks.hpp"
#include "mends.hpp"

namespace lineage::doctor {
namespace {

constexpr std::uint64_t free_bytes_bad = 256ULL << 20;
constexpr std::uint64_t free_per_cent_warn = 5;
constexpr std::uint64_t seconds_a_day = 86'400;
constexpr const char* bound_wanted = "max_size = \"20G\"";

/// A change of lineage.toml: as a command, and what the file says after it.
struct Edit {
    std::string command;
    std::string text;
};

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

std::string text_of(const std::vector<std::string>& lines) {
    std::string text;
    for (const auto& line : lines) text += line + "\n";
    return text;
}

/// `line` takes the place of the one numbered `number` (from 1), or stands behind it (`operation` c, a), or before (i).
Edit edit_line(const SettingsFacts& settings, char operation, std::size_t number, const std::string& line) {
    auto lines = lines_of(settings.text);
    const auto at = lines.begin() + static_cast<std::ptrdiff_t>(number - 1);
    if (operation == 'c') {
        *at = line;
    } else {
        lines.insert(operation == 'a' ? at + 1 : at, line);
    }
    return {fmt::format("sed -i {} {}", quoted(fmt::format("{}{} {}", number, operation, line)), quoted(settings.file)),
            text_of(lines)};
}

Edit append_table(const SettingsFacts& settings) {
    const auto folder = settings.file.substr(0, settings.file.rfind('/'));
    return {fmt::format("{}(echo; echo '[history]'; echo '{}') >>{}",
                        settings.text.empty() ? fmt::format("mkdir -p {} && ", quoted(folder)) : "", bound_wanted,
                        quoted(settings.file)),
            settings.text + fmt::format("\n[history]\n{}\n", bound_wanted)};
}

/// TOML has many ways to say the same. What may give the file a bound:
std::vector<Edit> edits_of(const SettingsFacts& settings) {
    std::vector<Edit> edits;
    const auto lines = lines_of(settings.text);
    const auto begins = [](const std::string& line, const char* with) {
        const auto from = line.find_first_not_of(" \t");
        return from != std::string::npos && line.compare(from, std::string_view(with).size(), with) == 0;
    };
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (begins(lines[i], "max_size")) edits.push_back(edit_line(settings, 'c', i + 1, bound_wanted));
        if (begins(lines[i], "history.max_size"))
            edits.push_back(edit_line(settings, 'c', i + 1, std::string("history.") + bound_wanted));
    }
    for (std::size_t i = 0; i < lines.size(); ++i)
        if (begins(lines[i], "[")) edits.push_back(edit_line(settings, 'a', i + 1, bound_wanted));
    edits.push_back(append_table(settings));
    if (!lines.empty()) edits.push_back(edit_line(settings, 'i', 1, std::string("history.") + bound_wanted));
    return edits;
}

/// The first that, tried out, bounds the history and changes nothing else.
std::string bound_mend(const Facts& facts) {
    const auto& settings = facts.settings;
    const auto read = [&](const std::string& text) {
        settings::Settings values;
        return settings::read_config_text(settings.file, text, values).map([&] { return values; });
    };
    const auto before = read(settings.text);
    for (const auto& edit : edits_of(settings)) {
        const auto after = read(edit.text);
        if (!before || !after || after->history_bytes_max == 0) continue;
        auto wanted = *before;
        wanted.history_bytes_max = after->history_bytes_max;
        if (*after == wanted) return edit.command + and_reload(facts);
    }
    return by_hand(fmt::format("give history {} in {}", bound_wanted, settings.file));
}

void check_bound(const Facts& facts, Findings& findings) {
    const auto& settings = facts.settings;
    if (!settings.trouble.empty()) {
        findings.push_back(settings.not_permitted
                               ? skipped("settings", settings.trouble, ask_as_root(facts))
                               : bad("settings", settings.trouble + ": no lineaged starts with that",
                                     by_hand("correct that line; lineage.toml(5) says what each setting takes")));
        return;
    }
    const auto bytes = settings.values.history_bytes_max;
    const auto seconds = settings.values.history_seconds_max;
    if (bytes != 0) {
        findings.push_back(ok("disk.bound", "the history keeps to " + size_text(bytes)));
    } else if (seconds != 0) {
        findings.push_back(ok("disk.bound", fmt::format("the history keeps what died in the last {:.1f} days",
                                                        static_cast<double>(seconds) / seconds_a_day)));
    } else {
        findings.push_back(
            warn("disk.bound", "the history has no bound: it grows until the disk is full", bound_mend(facts)));
    }
}

}  // namespace

std::string size_text(std::uint64_t bytes) {
    if (bytes >= 10ULL << 30) return fmt::format("{} GiB", bytes >> 30);
    return fmt::format("{} MiB", bytes >> 20);
}

void check_disk(const Facts& facts, Findings& findings) {
    const auto& database = facts.database;
    if (database.total_bytes != 0) {
        const auto found = fmt::format("{} free of {}, the history takes {}", size_text(database.free_bytes),
                                       size_text(database.total_bytes), size_text(database.bytes));
        const auto mend = by_hand(fmt::format("make room, or bound the history; what takes it: du -xh --max-depth=2 {}",
                                              quoted(folder_of(database.path))));
        const auto few = database.free_bytes / (database.total_bytes / 100 + 1) < free_per_cent_warn;
        findings.push_back(database.free_bytes < free_bytes_bad ? bad("disk.space", found, mend)
                           : few                                ? warn("disk.space", found, mend)
                                                                : ok("disk.space", found));
    }
    check_bound(facts, findings);
}

}  // namespace lineage::doctor
