#include "command_line.hpp"

#include <algorithm>
#include <cctype>

namespace lineage::doctor {
namespace {

bool is_blank(char c) {
    return std::isspace(static_cast<unsigned char>(c)) != 0;
}

/// The next word, cut off `line`.
std::string_view take_word(std::string_view& line) {
    while (!line.empty() && is_blank(line.front())) line.remove_prefix(1);
    bool quoted = false;
    std::size_t end = 0;
    for (; end < line.size() && (quoted || !is_blank(line[end])); ++end)
        if (line[end] == '"') quoted = !quoted;
    const auto word = line.substr(0, end);
    line.remove_prefix(end);
    return word;
}

}  // namespace

std::vector<std::string> values_of(std::string_view line, std::string_view name) {
    std::vector<std::string> values;
    for (auto word = take_word(line); !word.empty() && word != "--"; word = take_word(line)) {
        std::string plain(word);
        plain.erase(std::remove(plain.begin(), plain.end(), '"'), plain.end());
        if (plain.size() > name.size() && plain.starts_with(name) && plain[name.size()] == '=')
            values.push_back(plain.substr(name.size() + 1));
    }
    return values;
}

std::string_view name_of_file(std::string_view path) {
    return path.substr(path.rfind('/') + 1);
}

}  // namespace lineage::doctor
