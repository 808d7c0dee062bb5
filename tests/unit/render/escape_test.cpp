// Goal: no byte that a process chose reaches a terminal, JSON or DOT as anything but text.
// Method: hand-picked UTF-8 from RFC 3629's edges, and every byte value.
#include "escape.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "sample.hpp"

using namespace lineage::render;
using namespace std::string_literals;

TEST_CASE("UTF-8 is what RFC 3629 says it is") {
    for (const auto& good :
         {""s, "plain"s, "\xc2\x80"s, "\xed\x9f\xbf"s, "\xee\x80\x80"s, "\xf4\x8f\xbf\xbf"s, "\0"s}) {
        CHECK(is_utf8(good));
    }
    for (const auto& bad : {"\x80"s, "\xc0\xaf"s, "\xc3"s, "\xe2\x82"s, "\xe0\x80\x80"s, "\xed\xa0\x80"s,
                            "\xf4\x90\x80\x80"s, "\xf0\x80\x80\x80"s, "\xff"s, "a\xe9z"s}) {
        CHECK_FALSE(is_utf8(bad));
        CHECK(is_utf8(to_utf8(bad)));
    }
    CHECK(to_utf8("a\xe9z") == "a\xef\xbf\xbdz");
    CHECK(to_utf8("gr\u00fc\u00df") == "gr\u00fc\u00df");
}

TEST_CASE("a terminal gets control bytes and invalid UTF-8 as octal") {
    CHECK(escape_for_terminal("\033[31mred\n"s) == "\\033[31mred\\012");
    CHECK(escape_for_terminal("a\0b"s) == "a\\000b");
    CHECK(escape_for_terminal("\xff\x7f") == "\\377\\177");
    CHECK(escape_for_terminal("\xc2\x9b"
                              "31m") == "\\302\\23331m");       // CSI as one C1 character
    CHECK(escape_for_terminal("\u202e") == "\\342\\200\\256");  // right-to-left override
    CHECK(escape_for_terminal("\ufffe") == "\\357\\277\\276");  // no XML may hold it
    CHECK(escape_for_terminal("\\033") == "\\\\033");           // not to be taken for an escape
    CHECK(escape_for_terminal("gr\u00fc\u00df \u2713") == "gr\u00fc\u00df \u2713");
}

TEST_CASE("escaped text holds no control byte and is UTF-8, whatever went in") {
    const auto out = escape_for_terminal(lineage::test::every_byte());
    CHECK(is_utf8(out));
    CHECK(std::none_of(out.begin(), out.end(), [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; }));
}

TEST_CASE("arguments read back as a shell would take them") {
    const auto quoted = [](std::string_view argument) {
        std::string out;
        append_argument(argument, out);
        return out;
    };
    CHECK(quoted("--color=auto") == "--color=auto");
    CHECK(quoted("") == "''");
    CHECK(quoted("two words") == "'two words'");
    CHECK(quoted("$HOME;ls") == "'$HOME;ls'");
    CHECK(quoted("a\\b") == "'a\\b'");
    CHECK(quoted("it's") == "$'it\\'s'");
    CHECK(quoted("a\nb\\") == "$'a\\012b\\\\'");
    CHECK(quoted("gr\u00fc\u00df") == "gr\u00fc\u00df");
    CHECK(quoted("\xff") == "$'\\377'");
}

TEST_CASE("base64 as in RFC 4648, section 10") {
    const auto encoded = [](std::string_view bytes) {
        std::string out;
        append_base64(bytes, out);
        return out;
    };
    CHECK(encoded("") == "");
    CHECK(encoded("f") == "Zg==");
    CHECK(encoded("fo") == "Zm8=");
    CHECK(encoded("foo") == "Zm9v");
    CHECK(encoded("foobar") == "Zm9vYmFy");
    CHECK(encoded("\xff\xfe") == "//4=");
}
