#include "words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "escape.hpp"
#include "times.hpp"

namespace lineage::render {
namespace {

std::string_view base_name(std::string_view path) {
    return path.substr(path.rfind('/') + 1);
}

/// An argument longer than what is left to show is cut before it is quoted, so that the quotes stay closed.
void append_cut(std::string_view argument, std::size_t bytes_max, std::string& out) {
    const auto room = bytes_max == 0 ? argument.size() : bytes_max - std::min(bytes_max, out.size());
    append_argument(argument.substr(0, room), out);
    if (room < argument.size()) out += "...";
}

}  // namespace

std::string user_words(std::uint32_t uid, const Style& style) {
    if (uid == model::unset_uid) return "-";
    const auto name = style.user_name ? style.user_name(uid) : std::string();
    return name.empty() ? fmt::format("{}", uid) : fmt::format("{} ({})", escape_for_terminal(name), uid);
}

std::string signal_words(std::int32_t signal) {
    const char* const name = sigabbrev_np(signal);
    return name == nullptr ? fmt::format("signal {}", signal) : fmt::format("SIG{} ({})", name, signal);
}

std::string end_words(const model::Process& process) {
    if (!process.ended) return "alive";
    if (process.ended->code) return fmt::format("exit {}", *process.ended->code);
    if (process.ended->signal) {
        return signal_words(*process.ended->signal) + (process.ended->core_dumped ? ", core dumped" : "");
    }
    return "gone, end not seen";
}

std::string error_words(std::int32_t error) {
    const char* const name = strerrorname_np(error);
    return name == nullptr ? fmt::format("error {}", error) : name;
}

std::string witness_words(model::Witnesses witnesses) {
    std::string out;
    for (const auto one : {model::Witness::audit, model::Witness::connector, model::Witness::procfs}) {
        if (!model::has(witnesses, one)) continue;
        if (!out.empty()) out += ", ";
        out += model::name_of(one);
    }
    return out.empty() ? "nobody" : out;
}

std::string gap_words(const model::Gap& gap, const Style& style) {
    return fmt::format("gap  {} to {}: {} ({}): {}", time_text(gap.from_ns, style.utc), time_text(gap.to_ns, style.utc),
                       gap.lost ? fmt::format("{} lost", *gap.lost) : "an unknown number lost",
                       model::name_of(gap.witness), escape_for_terminal(gap.why));
}

std::string tamper_words(const model::Tamper& tamper, const model::Process* culprit, const Style& style) {
    auto words = fmt::format("tampering  {} to {}: {}", time_text(tamper.from_ns, style.utc),
                             tamper.to_ns == 0 ? "(not undone)" : time_text(tamper.to_ns, style.utc),
                             escape_for_terminal(tamper.what));
    if (tamper.times > 1) words += fmt::format(", undone {} times", tamper.times);
    if (tamper.by == 0)
        words += ", by whom is not known";
    else
        words +=
            fmt::format(", {}by pid {}{}, id @{}", tamper.inferred ? "probably " : "", tamper.pid,
                        culprit == nullptr ? "" : fmt::format(" ({})", escape_for_terminal(culprit->comm)), tamper.by);
    if (tamper.auid != model::unset_uid) words += ", login " + user_words(tamper.auid, style);
    return words;
}

std::string command_words(const model::Image& image, std::size_t bytes_max) {
    std::string out;
    const auto& argv = image.argv;
    if (!image.exe.empty()) append_cut(image.exe, bytes_max, out);
    const bool masked = !argv.empty() && argv[0] != image.exe && argv[0] != base_name(image.exe);
    if (masked && !image.exe.empty()) out += " as ";
    if (masked) append_cut(argv[0], bytes_max, out);
    for (std::size_t i = 1; i < argv.size(); ++i) {
        if (bytes_max != 0 && out.size() >= bytes_max) {
            out += " ...";
            break;
        }
        out += ' ';
        append_cut(argv[i], bytes_max, out);
    }
    return out;
}

std::string command_words(const model::Node& node, std::size_t bytes_max) {
    const auto& comm = node.process.comm;
    if (node.process.kernel_thread) return fmt::format("[{}]", escape_for_terminal(comm));
    auto out = command_words(node.current, bytes_max);
    if (out.empty()) out = comm.empty() ? "?" : escape_for_terminal(comm);
    return out;
}

}  // namespace lineage::render
