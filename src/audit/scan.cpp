#include "scan.hpp"

#include <libaudit.h>

#include <charconv>
#include <cstring>

namespace lineage::audit {

namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

/// Digits up to the first other character; at most 18, so that it cannot overflow.
bool take_number(std::string_view& text, std::int64_t& out) {
    std::size_t used = 0;
    std::int64_t value = 0;
    while (used < text.size() && used < 19 && text[used] >= '0' && text[used] <= '9') {
        if (used == 18) return false;
        value = value * 10 + (text[used] - '0');
        ++used;
    }
    if (used == 0) return false;
    out = value;
    text.remove_prefix(used);
    return true;
}

bool take_char(std::string_view& text, char c) {
    if (text.empty() || text.front() != c) return false;
    text.remove_prefix(1);
    return true;
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
    if (text.substr(0, prefix.size()) != prefix) return false;
    text.remove_prefix(prefix.size());
    return true;
}

/// The types that make up nearly every log, without a search through libaudit's table.
std::optional<std::uint16_t> common_type(std::string_view name) {
    if (name == "SYSCALL") return std::uint16_t{AUDIT_SYSCALL};
    if (name == "PATH") return std::uint16_t{AUDIT_PATH};
    if (name == "PROCTITLE") return std::uint16_t{AUDIT_PROCTITLE};
    if (name == "CWD") return std::uint16_t{AUDIT_CWD};
    if (name == "EXECVE") return std::uint16_t{AUDIT_EXECVE};
    if (name == "EOE") return std::uint16_t{AUDIT_EOE};
    return std::nullopt;
}

}  // namespace

std::uint16_t type_of(std::string_view name) {
    if (const auto type = common_type(name)) return *type;
    std::string_view digits = name;
    if (take_prefix(digits, "UNKNOWN[")) digits = digits.substr(0, digits.find(']'));
    std::int64_t number = 0;
    if (parse_decimal(digits, number) && number > 0 && number < 65536) return static_cast<std::uint16_t>(number);
    const int known = audit_name_to_msg_type(std::string(name).c_str());
    return known > 0 && known < 65536 ? static_cast<std::uint16_t>(known) : std::uint16_t{0};
}

bool take_id(std::string_view& text, RecordId& id) {
    std::string_view rest = text;
    std::int64_t seconds = 0;
    std::int64_t milliseconds = 0;
    std::int64_t serial = 0;
    constexpr std::int64_t seconds_max = model::time_ns_max / 1'000'000'000;
    if (!take_prefix(rest, "audit(") || !take_number(rest, seconds) || seconds > seconds_max) return false;
    if (take_char(rest, '.') && (!take_number(rest, milliseconds) || milliseconds > 999)) return false;
    if (!take_char(rest, ':') || !take_number(rest, serial) || !take_char(rest, ')')) return false;
    take_char(rest, ':');
    take_char(rest, ' ');
    id.time_ns = seconds * 1'000'000'000 + milliseconds * 1'000'000;
    id.serial = serial;
    text = rest;
    return true;
}

bool take_line_head(std::string_view& line, std::string_view& node, std::uint16_t& type) {
    std::string_view rest = line;
    node = {};
    if (take_prefix(rest, "node=")) {
        const auto blank = rest.find(' ');
        if (blank == std::string_view::npos) return false;
        node = rest.substr(0, blank);
        rest.remove_prefix(blank + 1);
    }
    if (!take_prefix(rest, "type=")) return false;
    const auto blank = rest.find(' ');
    if (blank == std::string_view::npos || blank > 64) return false;
    const auto name = rest.substr(0, blank);
    rest.remove_prefix(blank + 1);
    if (!take_prefix(rest, "msg=")) return false;
    type = type_of(name);
    line = rest;
    return true;
}

bool take_field(std::string_view& text, std::string_view& name, std::string_view& value) {
    const char* at = text.data();
    const char* const end = at + text.size();
    for (;;) {
        while (at < end && *at == ' ') ++at;
        const char* const start = at;
        while (at < end && *at != '=' && *at != ' ') ++at;
        if (at == end) {
            text = {};
            return false;
        }
        if (*at == ' ') continue;
        name = {start, static_cast<std::size_t>(at - start)};
        ++at;
        break;
    }
    const char* stop;
    if (at < end && *at == '"') {
        const void* quote = std::memchr(at + 1, '"', static_cast<std::size_t>(end - at - 1));
        stop = quote == nullptr ? end : static_cast<const char*>(quote) + 1;
    } else {
        const void* blank = std::memchr(at, ' ', static_cast<std::size_t>(end - at));
        stop = blank == nullptr ? end : static_cast<const char*>(blank);
    }
    value = {at, static_cast<std::size_t>(stop - at)};
    text = {stop, static_cast<std::size_t>(end - stop)};
    return true;
}

std::string decode_untrusted(std::string_view value) {
    if (!value.empty() && value.front() == '"') {
        value.remove_prefix(1);
        if (!value.empty() && value.back() == '"') value.remove_suffix(1);
        return std::string(value);
    }
    if (value == "(null)" || value == "(none)" || value == "?") return {};
    if (value.size() % 2 != 0) return std::string(value);
    std::string bytes;
    bytes.reserve(value.size() / 2);
    for (std::size_t i = 0; i < value.size(); i += 2) {
        const int high = hex_digit(value[i]);
        const int low = hex_digit(value[i + 1]);
        if (high < 0 || low < 0) return std::string(value);
        bytes.push_back(static_cast<char>(high * 16 + low));
    }
    return bytes;
}

bool parse_decimal(std::string_view text, std::int64_t& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, 10);
    return error == std::errc{} && end == text.data() + text.size();
}

bool parse_hex(std::string_view text, std::uint64_t& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, 16);
    return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace lineage::audit
