// What stands between hostile bytes and whoever reads them. argv, comm and paths can hold any byte but NUL, and an
// imported log any byte at all.
#pragma once

#include <string>
#include <string_view>

namespace lineage::render {

struct Character {
    char32_t code = 0;
    std::size_t length = 0;  ///< in bytes; 0: the front is not valid UTF-8
};
/// The character at the front of `bytes`, which is not empty. Strict: no overlong form, no surrogate (RFC 3629).
Character front_character(std::string_view bytes);

/// What a terminal could obey or an eye be deceived by: C0, DEL and C1 controls, line and paragraph separators,
/// bidirectional controls. Noncharacters too: XML, so SVG, does not allow them.
bool is_hostile(char32_t code);

void append_escaped(std::string_view bytes, std::string& out);
/// One argument as a shell would read it back: bare, 'quoted', or $'...' where bytes have to be escaped.
void append_argument(std::string_view argument, std::string& out);
void append_base64(std::string_view bytes, std::string& out);

}  // namespace lineage::render
