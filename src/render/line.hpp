// One line of output: coloured, cut at the style's width, never longer on the screen than it says.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "lineage/render/render.hpp"

namespace lineage::render {

/// SGR parameters (ECMA-48, 8.3.117).
enum class Ink { plain, strong, faint, good, warn, bad, odd };

class Line {
public:
    Line(const Style& style, std::string& out) : style_(style), out_(out) {}

    /// `text` holds no control byte. Every character counts as one column.
    void put(std::string_view text, Ink ink = Ink::plain);
    /// Blanks up to `column`, at least one.
    void to(int column);
    void end();

private:
    const Style& style_;
    std::string& out_;
    int column_ = 0;
    bool full_ = false;
};

/// A table's first line: each column's name where the column begins.
void heads_line(std::initializer_list<std::pair<int, const char*>> heads, const Style& style, std::string& out);

/// The number of characters in valid UTF-8.
int columns(std::string_view text);

}  // namespace lineage::render
