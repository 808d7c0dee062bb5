// Appends JSON to a string. Commas come by themselves: what was written last says whether one is due.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lineage::render {

class JsonText {
public:
    explicit JsonText(std::string& out) : out_(out) {}

    void begin_object() { begin('{'); }
    void end_object() { out_ += '}'; }
    void begin_array() { begin('['); }
    void end_array() { out_ += ']'; }
    /// The name of a member; its value comes next. Names are ours and need no escape.
    void key(std::string_view name) {
        separate();
        out_ += '"';
        out_ += name;
        out_ += "\":";
    }
    /// After a name that was written as a value, since it is not ours.
    void colon() { out_ += ':'; }
    /// Bytes that are not UTF-8 become U+FFFD; what is_hostile() names is written as \uXXXX, which reads back the same.
    void value(std::string_view bytes);
    void value(const char* text) { value(std::string_view(text)); }
    void value(std::nullptr_t) { plain("null"); }
    void value(bool truth) { plain(truth ? "true" : "false"); }
    void value(std::int64_t number) {
        const fmt::format_int digits(number);
        plain({digits.data(), digits.size()});
    }
    void value(std::int32_t number) { value(std::int64_t{number}); }
    template <class T>
    void value(const std::optional<T>& maybe) {
        if (maybe) {
            value(*maybe);
        } else {
            value(nullptr);
        }
    }
    void known(std::string_view text);  ///< null where it is not known (empty)
    void time(std::int64_t time_ns);    ///< null where it is not known (0)
    void base64(std::string_view bytes);
    /// A whole value that is JSON already.
    void ready(std::string_view json) { plain(json); }

    template <class T>
    void member(std::string_view name, const T& what) {
        key(name);
        value(what);
    }
    void known_member(std::string_view name, std::string_view text) {
        key(name);
        known(text);
    }

private:
    void separate() {
        const char last = out_.empty() ? '\n' : out_.back();
        if (last != '{' && last != '[' && last != ':' && last != '\n') out_ += ',';
    }
    void begin(char bracket) {
        separate();
        out_ += bracket;
    }
    void plain(std::string_view text) {
        separate();
        out_ += text;
    }
    std::string& out_;
};

}  // namespace lineage::render
