#include "escape.hpp"

#include <algorithm>
#include <cstdint>

#include "lineage/render/render.hpp"

namespace lineage::render {
namespace {

void append_octal(std::string_view bytes, std::string& out) {
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        out += '\\';
        out += static_cast<char>('0' + (byte >> 6));
        out += static_cast<char>('0' + ((byte >> 3) & 7));
        out += static_cast<char>('0' + (byte & 7));
    }
}

bool is_printable_ascii(char c) {
    return c >= 0x20 && c < 0x7f;
}

bool needs_octal(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto c = front_character(bytes);
        if (c.length == 0 || is_hostile(c.code)) return true;
        bytes.remove_prefix(c.length);
    }
    return false;
}

bool is_bare(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           static_cast<signed char>(c) < 0 || std::string_view("_-+=./:,@%^").find(c) != std::string_view::npos;
}

void append_quoting(std::string_view bytes, std::string_view quoted, std::string& out) {
    while (!bytes.empty()) {
        const auto c = front_character(bytes);
        const auto piece = bytes.substr(0, std::max<std::size_t>(c.length, 1));
        if (c.length == 0 || is_hostile(c.code)) {
            append_octal(piece, out);
        } else {
            if (quoted.find(piece.front()) != std::string_view::npos) out += '\\';
            out += piece;
        }
        bytes.remove_prefix(piece.size());
    }
}

}  // namespace

Character front_character(std::string_view bytes) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    const unsigned char lead = at(0);
    if (lead < 0x80) return {lead, 1};
    const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || bytes.size() < length) return {};
    char32_t code = lead & (0x7fU >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if ((at(i) & 0xc0) != 0x80) return {};
        code = (code << 6) | (at(i) & 0x3fU);
    }
    constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = code >= 0xd800 && code <= 0xdfff;
    if (code < least[length] || code > 0x10ffff || surrogate) return {};
    return {code, length};
}

bool is_hostile(char32_t code) {
    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return true;
    if (code < 0x2000) return code == 0x61c;  // ARABIC LETTER MARK
    return (code >= 0x200b && code <= 0x200f) ||
           (code >= 0x2028 && code <= 0x202e) ||  // zero widths, marks, embeddings
           (code >= 0x2060 && code <= 0x2069) || code == 0xfeff || (code >= 0xfdd0 && code <= 0xfdef) ||
           (code & 0xfffe) == 0xfffe;
}

void append_escaped(std::string_view bytes, std::string& out) {
    append_quoting(bytes, "\\", out);
}

void append_argument(std::string_view argument, std::string& out) {
    if (!argument.empty() && std::all_of(argument.begin(), argument.end(), is_bare) && !needs_octal(argument)) {
        out += argument;
        return;
    }
    const bool dollar = needs_octal(argument) || argument.find('\'') != std::string_view::npos;
    out += dollar ? "$'" : "'";
    append_quoting(argument, dollar ? "\\'" : "", out);
    out += '\'';
}

void append_base64(std::string_view bytes, std::string& out) {
    constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t left = std::min<std::size_t>(bytes.size() - i, 3);
        std::uint32_t group = 0;
        for (std::size_t k = 0; k < 3; ++k) {
            group = (group << 8) | (k < left ? static_cast<unsigned char>(bytes[i + k]) : 0U);
        }
        for (std::size_t k = 0; k < 4; ++k) out += k <= left ? digits[(group >> (18 - 6 * k)) & 63] : '=';
    }
}

std::string escape_for_terminal(std::string_view bytes) {
    std::string out;
    append_escaped(bytes, out);
    return out;
}

bool is_utf8(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto plain = std::find_if_not(bytes.begin(), bytes.end(), is_printable_ascii);
        bytes.remove_prefix(static_cast<std::size_t>(plain - bytes.begin()));
        if (bytes.empty()) break;
        const auto c = front_character(bytes);
        if (c.length == 0) return false;
        bytes.remove_prefix(c.length);
    }
    return true;
}

std::string to_utf8(std::string_view bytes) {
    std::string out;
    while (!bytes.empty()) {
        const auto c = front_character(bytes);
        if (c.length == 0) {
            out += "\uFFFD";
        } else {
            out += bytes.substr(0, c.length);
        }
        bytes.remove_prefix(std::max<std::size_t>(c.length, 1));
    }
    return out;
}

}  // namespace lineage::render
