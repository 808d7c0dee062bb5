#include "lineage/settings/settings.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "keys.hpp"
#include "lineage/base/unique_fd.hpp"

// Header-only and without exceptions, which the Debian library's own build has: errors are values here.
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

namespace lineage::settings {

namespace {

constexpr std::size_t text_bytes_max = 16U << 20;  // a device may have no end

/// The mistake that stands first in the file is the one that is reported.
struct Mistake {
    std::uint32_t line = 0;
    std::string what;
};

Value value_of(const toml::node& node) {
    Value value;
    if (const auto* const integer = node.as_integer()) {
        value.type = Value::Type::integer;
        value.integer = integer->get();
    } else if (const auto* const text = node.as_string()) {
        value.type = Value::Type::text;
        value.text = text->get();
    } else if (const auto* const flag = node.as_boolean()) {
        value.type = Value::Type::flag;
        value.flag = flag->get();
    }
    return value;
}

/// How a key is named in a message: what someone typed may hold anything.
std::string shown(const std::string& name) {
    std::string text;
    for (const char c : name) text += c >= ' ' && c < '\x7f' ? c : '?';
    return "`" + text + "`";
}

bool is_table(const std::string& name) {
    const std::string prefix = name + ".";
    return std::any_of(keys().begin(), keys().end(), [&](const Key& key) { return key.name.rfind(prefix, 0) == 0; });
}

void take(const std::string& path, const std::string& name, const toml::key& written, const toml::node& node,
          Settings& settings, std::vector<Mistake>& mistakes) {
    if (is_table(name) && node.is_table()) {
        for (const auto& [key, inner] : *node.as_table())
            take(path, name + "." + std::string(key.str()), key, inner, settings, mistakes);
        return;
    }
    const auto key = std::find_if(keys().begin(), keys().end(), [&](const Key& known) { return known.name == name; });
    if (key == keys().end())
        mistakes.push_back({written.source().begin.line,
                            is_table(name) ? "[" + name + "] must be a table" : "there is no setting " + shown(name)});
    else if (!key->take(value_of(node), settings))
        mistakes.push_back({node.source().begin.line, name + " must be " + key->wanted});
    else
        settings.origins[name] = path + ":" + std::to_string(node.source().begin.line);
}

base::Result<std::string> text_of(const std::string& path) {
    const auto refuse = [&](const std::string& why) { return base::fail("read " + path, why, base::ExitCode::usage); };
    // Nothing is waited for: not a pipe's writer, not a terminal's user.
    const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0) return refuse(std::strerror(errno));
    if (S_ISFIFO(status.st_mode)) return refuse("it is a pipe, which cannot be read again at SIGHUP");
    std::string text;
    char part[16 << 10];
    ssize_t size = 0;
    while (text.size() <= text_bytes_max && (size = ::read(fd.get(), part, sizeof part)) > 0)
        text.append(part, static_cast<std::size_t>(size));
    if (size < 0) return refuse(std::strerror(errno));
    if (size > 0) return refuse("it is longer than " + std::to_string(text_bytes_max >> 20) + " MiB");
    return text;
}

}  // namespace

base::Status read_config_text(const std::string& path, std::string_view text, Settings& settings) {
    const auto refuse = [&](std::uint32_t line, const std::string& what) {
        return base::fail(path + ":" + std::to_string(line), what, base::ExitCode::usage);
    };
    const auto parsed = toml::parse(text);
    if (!parsed) return refuse(parsed.error().source().begin.line, std::string(parsed.error().description()));
    Settings read = settings;
    std::vector<Mistake> mistakes;
    for (const auto& [key, node] : parsed.table()) take(path, std::string(key.str()), key, node, read, mistakes);
    if (!mistakes.empty()) {
        const auto first = std::min_element(mistakes.begin(), mistakes.end(),
                                            [](const Mistake& a, const Mistake& b) { return a.line < b.line; });
        return refuse(first->line, first->what);
    }
    settings = std::move(read);
    return {};
}

base::Status read_config(const std::string& path, Settings& settings) {
    return text_of(path).and_then([&](const std::string& text) { return read_config_text(path, text, settings); });
}

std::vector<std::string> keys_for_restart(const Settings& running, const Settings& wanted) {
    std::vector<std::string> names;
    for (const Key& key : keys())
        if (!key.live && !key.same(running, wanted)) names.emplace_back(key.name);
    return names;
}

Settings with_live(const Settings& running, const Settings& wanted) {
    Settings merged = running;
    for (const Key& key : keys())
        if (key.live) key.copy(wanted, merged);
    return merged;
}

std::string Settings::journal() const {
    return journal_dir.empty() ? std::filesystem::path(database).replace_extension(".journal").string() : journal_dir;
}

}  // namespace lineage::settings
