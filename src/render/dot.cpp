// The forest as Graphviz reads it. Quoting: a label is first freed of hostile and invalid bytes as for a terminal, then
// of what dot's own strings give a meaning to: quotes and backslashes (escString), and & (HTML entities are replaced in
// quoted labels too, see "Character encodings" in the dot language).
#include <fmt/format.h>

#include "escape.hpp"
#include "times.hpp"
#include "words.hpp"

namespace lineage::render {
namespace {

constexpr std::size_t label_bytes_max = 96;

std::string quote(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
        if (c == '&') out += "amp;";
    }
    return out;
}

std::string label_of(const model::Node& node, const Style& style) {
    const auto& process = node.process;
    const auto& who = process.credentials;
    std::string label;
    const auto line = [&](const std::string& text) { label += quote(text) + "\\l"; };
    line(fmt::format("{} {}", process.pid, process.comm.empty() ? "?" : escape_for_terminal(process.comm)));
    if (const auto command = command_words(node.current, label_bytes_max); !command.empty()) line(command);
    auto users = "uid " + user_words(who.uid, style);
    if (who.euid != who.uid) users += ", effective " + user_words(who.euid, style);
    line(users + ", auid " + user_words(who.auid, style));
    line("born " + time_text(process.born.time_ns, style.utc));
    if (process.ended) line("ended " + time_text(process.ended->time_ns, style.utc) + ", " + end_words(process));
    if (const char* const why = model::text_of(process.inferred)) line(std::string("inferred: ") + why);
    return label;
}

/// The other reasons are about the process itself, not about who made it.
bool is_link_inferred(model::Inferred why) {
    return why == model::Inferred::parent_from_ppid || why == model::Inferred::parent_unknown ||
           why == model::Inferred::named_only;
}

/// Live, dead, killed and kernel threads by fill; an inferred process is drawn dashed.
std::string look_of(const model::Process& process) {
    const char* fill = "#d8f0d8";
    if (process.kernel_thread) {
        fill = "#dce6f5";
    } else if (process.ended && process.ended->signal) {
        fill = "#f5d8d8";
    } else if (process.ended) {
        fill = "#e8e8e8";
    }
    return fmt::format("fillcolor=\"{}\"{}{}", fill, process.kernel_thread ? ", shape=hexagon" : "",
                       process.inferred != model::Inferred::no ? ", style=\"filled,dashed\"" : "");
}

}  // namespace

void dot(const model::Forest& forest, const Style& style, std::string& out) {
    out +=
        "// green: alive, grey: ended, red: killed by a signal, blue hexagon: kernel thread, dashed: inferred\n"
        "digraph lineage {\n"
        "  rankdir=LR;\n"
        "  charset=\"UTF-8\";\n"
        "  node [shape=box, style=filled, fontname=\"monospace\", fontsize=10];\n"
        "  edge [arrowsize=0.6];\n";
    for (const auto vertex : boost::make_iterator_range(boost::vertices(forest))) {
        const auto& node = forest[vertex];
        out +=
            fmt::format("  p{} [label=\"{}\", {}];\n", node.process.id, label_of(node, style), look_of(node.process));
    }
    for (const auto edge : boost::make_iterator_range(boost::edges(forest))) {
        const auto& child = forest[boost::target(edge, forest)].process;
        out += fmt::format("  p{} -> p{}{};\n", forest[boost::source(edge, forest)].process.id, child.id,
                           is_link_inferred(child.inferred) ? " [style=dashed]" : "");
    }
    out += "}\n";
}

}  // namespace lineage::render
