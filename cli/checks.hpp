// Checks of what options take, for both programs.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

namespace lineage::cli {

/// A whole number.
inline CLI::Validator at_least(std::int64_t least) {
    return CLI::Validator(
        [least](std::string& text) {
            std::int64_t number = 0;
            if (CLI::detail::lexical_cast(text, number) && number >= least) return std::string();
            return text + " is not a whole number from " + std::to_string(least) + " on";
        },
        "");
}

/// An option that takes text. It may not be empty: that is a script's variable which is not set, and would be a file
/// without a name, or select everything.
template <class Text>
CLI::Option* add_text(CLI::App& app, const std::string& name, Text& into, const std::string& about,
                      const std::string& type) {
    const CLI::Validator not_empty([](std::string& text) { return std::string(text.empty() ? "is empty" : ""); }, "");
    return app.add_option(name, into, about)->type_name(type)->check(not_empty);
}

}  // namespace lineage::cli
