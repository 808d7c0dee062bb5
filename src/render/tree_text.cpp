#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "line.hpp"
#include "words.hpp"

namespace lineage::render {
namespace {

using Vertex = boost::graph_traits<model::Forest>::vertex_descriptor;

constexpr std::size_t levels_drawn_max = 64;

/// A vertex that waits to be drawn. The stack is ours, so depth is bounded by memory alone.
struct Waiting {
    Vertex vertex;
    Vertex parent;
    std::size_t depth;
    bool last;
};

bool born_before(const model::Process& a, const model::Process& b) {
    return a.born.time_ns != b.born.time_ns ? a.born.time_ns < b.born.time_ns : a.id < b.id;
}

/// Pushed in reverse, so that the first born comes off the stack first.
void push_in_order(const model::Forest& forest, std::vector<Vertex>& siblings, Vertex parent, std::size_t depth,
                   std::vector<Waiting>& stack) {
    std::sort(siblings.begin(), siblings.end(),
              [&](Vertex a, Vertex b) { return born_before(forest[a].process, forest[b].process); });
    for (std::size_t i = siblings.size(); i-- > 0;) {
        stack.push_back({siblings[i], parent, depth, i + 1 == siblings.size()});
    }
}

/// What the process has to do with tampering, if anything.
const char* tamper_remark(const model::Process& process, const std::vector<model::Tamper>& tampering) {
    const char* remark = nullptr;
    for (const auto& tamper : tampering) {
        if (tamper.by == process.id) return "tampered with the recording";
        const auto inside = [&](model::TimeNs time_ns) {
            return tamper.from_ns <= time_ns && (tamper.to_ns == 0 || time_ns <= tamper.to_ns);
        };
        const bool is_affected = tamper.boot == process.boot &&
                                 (inside(process.born.time_ns) || (process.ended && inside(process.ended->time_ns)));
        if (is_affected) remark = "while the recording was impaired";
    }
    return remark;
}

/// What differs from the parent, and how it ended: user, login, end, inferred, tampering.
void put_remarks(const model::Process& process, const model::Process* parent,
                 const std::vector<model::Tamper>& tampering, const Style& style, Line& line) {
    const auto& who = process.credentials;
    auto remark = [&, first = true](const std::string& words, Ink ink) mutable {
        line.put(first ? " " : ", ");
        line.put(words, ink);
        first = false;
    };
    const auto is_news = [&](std::uint32_t model::Credentials::*field) {
        return who.*field != model::unset_uid && (parent == nullptr || parent->credentials.*field != who.*field);
    };
    if (is_news(&model::Credentials::uid)) remark(user_words(who.uid, style), Ink::strong);
    if (who.euid != who.uid) remark("effective " + user_words(who.euid, style), Ink::warn);
    if (is_news(&model::Credentials::auid)) remark("login " + user_words(who.auid, style), Ink::strong);
    if (process.ended) remark(end_words(process), process.ended->signal ? Ink::bad : Ink::faint);
    if (process.inferred != model::Inferred::no) remark("inferred", Ink::odd);
    if (const char* const words = tamper_remark(process, tampering)) remark(words, Ink::bad);
}

class Drawing {
public:
    Drawing(const model::Forest& forest, const std::vector<model::Tamper>& tampering, const Style& style,
            std::string& out)
        : forest_(forest), tampering_(tampering), style_(style), out_(out) {}

    void draw_from(Vertex root) {
        std::vector<Waiting> stack{{root, root, 0, true}};
        std::vector<Vertex> children;
        while (!stack.empty()) {
            const auto now = stack.back();
            stack.pop_back();
            draw(now);
            children.clear();
            for (const auto edge : boost::make_iterator_range(boost::out_edges(now.vertex, forest_))) {
                children.push_back(boost::target(edge, forest_));
            }
            push_in_order(forest_, children, now.vertex, now.depth + 1, stack);
        }
    }

private:
    void draw(const Waiting& now) {
        Line line(style_, out_);
        put_lines(now, line);
        const auto& node = forest_[now.vertex];
        line.put(fmt::format("{}", node.process.pid), node.process.ended ? Ink::faint : Ink::good);
        put_remarks(node.process, now.vertex == now.parent ? nullptr : &forest_[now.parent].process, tampering_, style_,
                    line);
        line.put(": ");
        line.put(command_words(node, command_bytes_max), node.process.ended ? Ink::faint : Ink::plain);
        line.end();
    }

    /// open_[d]: a line goes down from level d, for a sibling still to come.
    void put_lines(const Waiting& now, Line& line) {
        if (now.depth == 0) return;
        const auto level = std::min(now.depth, levels_drawn_max);
        open_.resize(level);
        for (std::size_t d = 0; d + 1 < level; ++d) line.put(open_[d] ? "│  " : "   ", Ink::faint);
        open_[level - 1] = !now.last;
        line.put(now.last ? "└─ " : "├─ ", Ink::faint);
        if (now.depth > levels_drawn_max) line.put(fmt::format("[level {}] ", now.depth), Ink::faint);
    }

    const model::Forest& forest_;
    const std::vector<model::Tamper>& tampering_;
    const Style& style_;
    std::string& out_;
    std::vector<bool> open_;
};

}  // namespace

void tree_text(const model::Forest& forest, const std::vector<model::Gap>& gaps,
               const std::vector<model::Tamper>& tampering, const Style& style, std::string& out) {
    std::vector<Waiting> roots;
    std::vector<Vertex> vertices;
    for (const auto vertex : boost::make_iterator_range(boost::vertices(forest))) {
        if (boost::in_degree(vertex, forest) == 0) vertices.push_back(vertex);
    }
    push_in_order(forest, vertices, 0, 0, roots);
    for (auto root = roots.rbegin(); root != roots.rend(); ++root)
        Drawing(forest, tampering, style, out).draw_from(root->vertex);
    for (const auto& gap : gaps) {
        Line line(style, out);
        line.put(gap_words(gap, style), Ink::warn);
        line.end();
    }
}

}  // namespace lineage::render
