// The history string of the contract (DESIGN.md, section 6).
#include <fmt/format.h>

#include <ctime>

#include "lineage/render/event.hpp"

namespace lineage::render {
namespace {

constexpr std::string_view arrow = "=>";

bool is_bare(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '/' || c == '-';
}

void append_name(std::string_view name, std::string& out) {
    for (const char c : name) {
        const auto byte = static_cast<unsigned char>(c);
        if (is_bare(c)) {
            out += c;
        } else {
            out += '\\';
            for (const int shift : {6, 3, 0}) out += static_cast<char>('0' + ((byte >> shift) & 7));
        }
    }
}

/// UTC seconds; "?" where it is not known.
void append_start(model::TimeNs time_ns, std::string& out) {
    const std::time_t seconds = time_ns / 1'000'000'000;
    std::tm tm{};
    if (time_ns <= 0 || ::gmtime_r(&seconds, &tm) == nullptr) {
        out += '?';
        return;
    }
    fmt::format_to(std::back_inserter(out), "{:04}{:02}{:02}{:02}{:02}{:02}", tm.tm_year + 1900, tm.tm_mon + 1,
                   tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

std::string entry_text(const model::HistoryEntry& entry) {
    std::string text = "name=";
    if (entry.name.empty()) text += '?';
    append_name(entry.name, text);
    const fmt::format_int pid(entry.pid);
    text.append(";pid=").append(pid.data(), pid.size()).append(";start=");
    append_start(entry.start_ns, text);
    return text;
}

std::string omission(std::size_t count) {
    return fmt::format("...({} omitted)...", count);
}

/// How many of the first and of the last entries fit, one of each at least; the root's side grows first.
struct Kept {
    std::size_t first = 1;
    std::size_t last = 1;
};
Kept kept_of(const std::vector<std::string>& entries, std::size_t bytes_max) {
    Kept kept;
    auto bytes = entries.front().size() + entries.back().size() + omission(entries.size()).size() + 2 * arrow.size();
    bool root_side = true;
    while (kept.first + kept.last < entries.size()) {
        const auto next = root_side ? kept.first : entries.size() - 1 - kept.last;
        bytes += entries[next].size() + arrow.size();
        if (bytes > bytes_max) break;
        ++(root_side ? kept.first : kept.last);
        root_side = !root_side;
    }
    return kept;
}

}  // namespace

std::string history_line(const std::vector<model::HistoryEntry>& history, std::size_t bytes_max) {
    if (history.empty()) return "history=?";
    std::vector<std::string> entries;
    std::size_t bytes = std::string_view("history=\"\"").size();
    const auto frame_bytes = bytes;
    for (const auto& entry : history) {
        entries.push_back(entry_text(entry));
        bytes += entries.back().size() + (entries.size() > 1 ? arrow.size() : 0);
    }
    const bool fits = bytes_max == 0 || bytes <= bytes_max || entries.size() < 3;
    const auto kept =
        fits ? Kept{entries.size(), 0} : kept_of(entries, bytes_max > frame_bytes ? bytes_max - frame_bytes : 0);
    const auto omitted = entries.size() - kept.first - kept.last;
    std::string line = "history=\"";
    for (std::size_t i = 0; i < entries.size(); ++i) {
        if (i > 0) line += arrow;
        if (i == kept.first && omitted > 0) {
            line.append(omission(omitted)).append(arrow);
            i += omitted;
        }
        line += entries[i];
    }
    line += '"';
    return line;
}

}  // namespace lineage::render
