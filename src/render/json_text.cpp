#include "json_text.hpp"

#include <algorithm>
#include <iterator>

#include "escape.hpp"
#include "times.hpp"

namespace lineage::render {
namespace {

bool is_plain(char c) {
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

void append_unicode_escape(char32_t code, std::string& out) {
    if (code >= 0x10000) {
        append_unicode_escape(0xd800 + ((code - 0x10000) >> 10), out);
        append_unicode_escape(0xdc00 + (code & 0x3ff), out);
        return;
    }
    fmt::format_to(std::back_inserter(out), FMT_STRING("\\u{:04x}"), static_cast<std::uint32_t>(code));
}

}  // namespace

void JsonText::value(std::string_view bytes) {
    separate();
    out_ += '"';
    while (!bytes.empty()) {
        const auto run =
            static_cast<std::size_t>(std::find_if_not(bytes.begin(), bytes.end(), is_plain) - bytes.begin());
        out_ += bytes.substr(0, run);
        bytes.remove_prefix(run);
        if (bytes.empty()) break;
        const auto c = front_character(bytes);
        if (c.length == 0) {
            out_ += "\uFFFD";
        } else if (c.code == '"' || c.code == '\\') {
            out_ += '\\';
            out_ += static_cast<char>(c.code);
        } else if (is_hostile(c.code)) {
            append_unicode_escape(c.code, out_);
        } else {
            out_ += bytes.substr(0, c.length);
        }
        bytes.remove_prefix(std::max<std::size_t>(c.length, 1));
    }
    out_ += '"';
}

void JsonText::known(std::string_view text) {
    if (text.empty()) return value(nullptr);
    value(text);
}

void JsonText::time(std::int64_t time_ns) {
    if (time_ns == 0) return value(nullptr);
    separate();
    out_ += '"';
    append_time_json(time_ns, out_);
    out_ += '"';
}

void JsonText::base64(std::string_view bytes) {
    separate();
    out_ += '"';
    append_base64(bytes, out_);
    out_ += '"';
}

}  // namespace lineage::render
