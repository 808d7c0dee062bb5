// `lineage tree [PROC]`: a process and its descendants.
#include <algorithm>
#include <limits>
#include <map>

#include "../command.hpp"
#include "../output.hpp"
#include "../selection.hpp"
#include "../view.hpp"

namespace lineage::cli {
namespace {

using Vertex = boost::graph_traits<model::Forest>::vertex_descriptor;

void declare(CLI::App& app, Arguments& arguments) {
    declare_process(app, arguments, false);
    declare_moment(app, arguments);
    declare_where(app, arguments);
    app.get_option("--at")->description("The tree as it was then");
    app.add_option("--depth", arguments.depth, "No deeper than this below PROC")->type_name("N")->check(at_least(0));
    app.add_flag("--alive", arguments.alive, "Those alive, and the dead between them and PROC");
}

/// PROC, or pid 0 of the newest boot.
base::Result<model::Node> top_of(const Arguments& arguments, store::Reader& reader) {
    if (!arguments.process.empty()) return process_of(arguments.process, arguments, reader);
    const auto boots = boots_of(arguments, reader);
    if (!boots) return tl::unexpected(boots.error());
    if (boots->empty()) return base::fail("database", "holds no boot yet", base::ExitCode::nothing_matched);
    return query::resolve(reader, {}, std::numeric_limits<model::TimeNs>::max(), {boots->back().id});
}

/// Apart from add_vertex(property, graph): in that g++ 12 with sanitizers sees an uninitialized value that is none.
Vertex add_copy(const model::Node& node, model::Forest& to) {
    const auto vertex = boost::add_vertex(to);
    to[vertex] = node;
    return vertex;
}

/// The vertex of `top` and what is below it.
model::Forest below(const model::Forest& forest, model::Id top) {
    model::Forest part;
    std::vector<std::pair<Vertex, Vertex>> waiting;  // a vertex of `forest` and its copy
    for (const auto vertex : boost::make_iterator_range(boost::vertices(forest))) {
        if (forest[vertex].process.id == top) waiting.emplace_back(vertex, add_copy(forest[vertex], part));
    }
    while (!waiting.empty()) {
        const auto [from, copy] = waiting.back();
        waiting.pop_back();
        for (const auto edge : boost::make_iterator_range(boost::out_edges(from, forest))) {
            const auto child = boost::target(edge, forest);
            waiting.emplace_back(child, add_copy(forest[child], part));
            boost::add_edge(copy, waiting.back().second, part);
        }
    }
    return part;
}

/// Those between a living process and PROC are drawn too, dead or not: without them the tree would fall apart.
base::Result<model::Forest> forest_of(const Arguments& arguments, model::Id top, store::Reader& reader) {
    model::Filter filter;
    filter.under = top;
    filter.depth = arguments.depth;
    filter.alive_only = arguments.alive;
    if (!arguments.at.empty()) {
        const auto at = time_of("--at", arguments.at);
        if (!at) return tl::unexpected(at.error());
        filter.alive_at_ns = *at;
    }
    const bool has_holes = arguments.alive || !arguments.at.empty();
    return query::forest_of(reader, filter, has_holes).map([&](model::Forest&& whole) {
        return has_holes ? below(whole, top) : std::move(whole);
    });
}

/// All of it as one life: each is born while the one above lives, so together they leave no time out.
model::Process one_life_of(const model::Forest& forest) {
    auto whole = forest[0].process;
    for (const auto vertex : boost::make_iterator_range(boost::vertices(forest))) {
        const auto& process = forest[vertex].process;
        whole.born.time_ns = std::min(whole.born.time_ns, process.born.time_ns);
        if (!process.ended || (whole.ended && whole.ended->time_ns < process.ended->time_ns))
            whole.ended = process.ended;
    }
    return whole;
}

std::string json_lines(const model::Forest& forest) {
    std::map<model::Id, Vertex> by_id;
    for (const auto vertex : boost::make_iterator_range(boost::vertices(forest)))
        by_id[forest[vertex].process.id] = vertex;
    std::string out;
    for (const auto& [id, vertex] : by_id) out += render::process_json(forest[vertex]) + "\n";
    return out;
}

base::Status run(const Arguments& arguments) {
    const auto reader = open_database(arguments);
    if (!reader) return tl::unexpected(reader.error());
    const auto top = top_of(arguments, **reader);
    if (!top) return tl::unexpected(top.error());
    const auto forest = forest_of(arguments, top->process.id, **reader);
    if (!forest) return tl::unexpected(forest.error());
    if (boost::num_vertices(*forest) == 0)
        return base::fail("tree", "nothing matched", base::ExitCode::nothing_matched);
    const auto all_gaps = (*reader)->gaps(top->process.boot);
    if (!all_gaps) return tl::unexpected(all_gaps.error());
    const auto gaps = query::gaps_touching(*all_gaps, one_life_of(*forest));
    std::string text;
    if (arguments.json) {
        text = json_lines(*forest);
    } else {
        const auto tampering = (*reader)->tampering(top->process.boot);
        if (!tampering) return tl::unexpected(tampering.error());
        render::tree_text(*forest, gaps, *tampering, style_of(arguments, true), text);
    }
    auto output = Output::open("");
    if (!output) return tl::unexpected(output.error());
    output->write(text);
    return output->finish().and_then([&] { return verdict_on(arguments, gaps); });
}

}  // namespace

const Command tree_command{"tree", "A process and its descendants (default: pid 0 of the newest boot)", declare, run};

}  // namespace lineage::cli
