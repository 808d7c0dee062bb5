#include "line.hpp"

#include <algorithm>

namespace lineage::render {
namespace {

const char* sgr(Ink ink) {
    switch (ink) {
        case Ink::plain:
            break;
        case Ink::strong:
            return "\033[1m";
        case Ink::faint:
            return "\033[2m";
        case Ink::good:
            return "\033[32m";
        case Ink::warn:
            return "\033[33m";
        case Ink::bad:
            return "\033[31m";
        case Ink::odd:
            return "\033[35m";
    }
    return "";
}

bool begins_character(char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
}

/// The longest front of `text` that takes at most `width` columns.
std::string_view front_columns(std::string_view text, int width) {
    std::size_t end = 0;
    for (; end < text.size(); ++end) {
        if (begins_character(text[end]) && width-- == 0) break;
    }
    return text.substr(0, end);
}

}  // namespace

void heads_line(std::initializer_list<std::pair<int, const char*>> heads, const Style& style, std::string& out) {
    Line line(style, out);
    for (const auto& [column, name] : heads) {
        line.to(column);
        line.put(name, Ink::strong);
    }
    line.end();
}

int columns(std::string_view text) {
    return static_cast<int>(std::count_if(text.begin(), text.end(), begins_character));
}

void Line::put(std::string_view text, Ink ink) {
    if (full_ || text.empty()) return;
    const int wanted = columns(text);
    full_ = style_.width > 0 && column_ + wanted > style_.width;
    const bool inked = style_.color && ink != Ink::plain;
    if (inked) out_ += sgr(ink);
    out_ += full_ ? front_columns(text, std::max(style_.width - column_ - 1, 0)) : text;
    if (full_ && column_ < style_.width) out_ += "…";
    if (inked) out_ += "\033[0m";
    column_ += wanted;
}

void Line::to(int column) {
    put(std::string(static_cast<std::size_t>(std::max(column - column_, column_ == 0 ? 0 : 1)), ' '));
}

void Line::end() {
    out_ += '\n';
}

}  // namespace lineage::render
