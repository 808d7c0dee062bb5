// Answers that are more than one process: the path to pid 0, and a selection as a graph.
#include <algorithm>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "lineage/query/query.hpp"

namespace lineage::query {
namespace {

bool touches(const model::Gap& gap, const model::Process& process) {
    const auto end_ns = process.ended ? process.ended->time_ns : std::numeric_limits<model::TimeNs>::max();
    return gap.boot == process.boot && gap.from_ns <= end_ns && gap.to_ns >= process.born.time_ns;
}

bool touches(const model::Tamper& tamper, const model::Process& process) {
    const auto never = std::numeric_limits<model::TimeNs>::max();
    const auto end_ns = process.ended ? process.ended->time_ns : never;
    const auto undone_ns = tamper.to_ns != 0 ? tamper.to_ns : never;
    return tamper.boot == process.boot && tamper.from_ns <= end_ns && undone_ns >= process.born.time_ns;
}

/// Those of `all` that some life on the path touches. Oldest first: pid 0 outlives all, so mostly it decides.
template <class Interval>
std::vector<Interval> touching(const std::vector<Interval>& all, const model::Path& path) {
    std::vector<Interval> found;
    std::copy_if(all.begin(), all.end(), std::back_inserter(found), [&](const Interval& one) {
        return touches(one, path.process.process) ||
               std::any_of(path.ancestors.rbegin(), path.ancestors.rend(),
                           [&](const model::Node& node) { return touches(one, node.process); });
    });
    return found;
}

base::Result<std::map<model::Id, model::Process>> culprits_of(store::Reader& reader,
                                                              const std::vector<model::Tamper>& tampering) {
    std::map<model::Id, model::Process> culprits;
    for (const auto& tamper : tampering) {
        if (tamper.by == 0 || culprits.count(tamper.by) != 0) continue;
        auto found = reader.by_id(tamper.by);
        if (!found) return tl::unexpected(found.error());
        if (*found) culprits.emplace(tamper.by, std::move((*found)->process));
    }
    return culprits;
}

// The ancestors of `nodes` that are not among them, each once.
base::Status add_ancestors(store::Reader& reader, std::vector<model::Node>& nodes) {
    std::unordered_set<model::Id> known{0};
    for (const auto& node : nodes) known.insert(node.process.id);
    for (std::size_t at = 0; at < nodes.size(); ++at) {  // grows while it runs
        const auto parent = nodes[at].process.parent;
        if (!known.insert(parent).second) continue;
        auto found = reader.by_id(parent);
        if (!found) return tl::unexpected(found.error());
        if (*found) nodes.push_back(std::move(**found));
    }
    return {};
}

/// Those who sent the signals that ended the path's processes.
base::Result<std::map<model::Id, model::Process>> senders_of(store::Reader& reader, const model::Path& path) {
    std::map<model::Id, model::Process> senders;
    const auto add = [&](const model::Process& process) -> base::Status {
        if (!process.ended || process.ended->by == 0) return {};
        auto found = reader.by_id(process.ended->by);
        if (!found) return tl::unexpected(found.error());
        if (*found) senders.emplace(process.ended->by, std::move((*found)->process));
        return {};
    };
    auto status = add(path.process.process);
    for (auto node = path.ancestors.begin(); status && node != path.ancestors.end(); ++node)
        status = add(node->process);
    if (!status) return tl::unexpected(status.error());
    return senders;
}

model::Forest graph_of(std::vector<model::Node>&& nodes) {
    std::sort(nodes.begin(), nodes.end(),
              [](const model::Node& a, const model::Node& b) { return a.process.id < b.process.id; });
    model::Forest forest(nodes.size());
    std::unordered_map<model::Id, model::Forest::vertex_descriptor> vertex_of;
    for (std::size_t vertex = 0; vertex < nodes.size(); ++vertex) {
        vertex_of.emplace(nodes[vertex].process.id, vertex);
        forest[vertex] = std::move(nodes[vertex]);
    }
    for (std::size_t vertex = 0; vertex < nodes.size(); ++vertex) {
        const auto parent = vertex_of.find(forest[vertex].process.parent);
        if (parent != vertex_of.end()) boost::add_edge(parent->second, vertex, forest);
    }
    return forest;
}

}  // namespace

base::Result<model::Path> path_of(store::Reader& reader, model::Id id) {
    auto process = resolve(reader, {ProcessName::Kind::id, id, 0}, 0);
    if (!process) return tl::unexpected(process.error());
    auto ancestors = reader.ancestors(id);
    if (!ancestors) return tl::unexpected(ancestors.error());
    const auto gaps = reader.gaps(process->process.boot);
    if (!gaps) return tl::unexpected(gaps.error());
    const auto tampering = reader.tampering(process->process.boot);
    if (!tampering) return tl::unexpected(tampering.error());
    model::Path path{std::move(*process), std::move(*ancestors), {}, {}, {}, {}};
    auto senders = senders_of(reader, path);
    if (!senders) return tl::unexpected(senders.error());
    path.senders = std::move(*senders);
    path.gaps = touching(*gaps, path);
    path.tampering = touching(*tampering, path);
    auto culprits = culprits_of(reader, path.tampering);
    if (!culprits) return tl::unexpected(culprits.error());
    path.culprits = std::move(*culprits);
    return path;
}

base::Status add_records(store::Reader& reader, model::Path& path) {
    auto until_ns = std::numeric_limits<model::TimeNs>::max();
    const auto add = [&](model::Node& node) -> base::Status {
        auto records = reader.records(node.process.id, until_ns);
        if (!records) return tl::unexpected(records.error());
        node.records = std::move(*records);
        until_ns = node.process.born.time_ns;
        return {};
    };
    auto status = add(path.process);
    for (auto ancestor = path.ancestors.begin(); status && ancestor != path.ancestors.end(); ++ancestor)
        status = add(*ancestor);
    return status;
}

base::Result<model::Forest> forest_of(store::Reader& reader, const model::Filter& filter, bool with_ancestors) {
    std::vector<model::Node> nodes;
    const auto selected = reader.select(filter, [&](model::Node&& node) {
        nodes.push_back(std::move(node));
        return true;
    });
    if (!selected) return tl::unexpected(selected.error());
    if (with_ancestors) {
        if (auto status = add_ancestors(reader, nodes); !status) return tl::unexpected(status.error());
    }
    return graph_of(std::move(nodes));
}

std::vector<model::Gap> gaps_touching(const std::vector<model::Gap>& gaps, const model::Process& process) {
    std::vector<model::Gap> touching;
    std::copy_if(gaps.begin(), gaps.end(), std::back_inserter(touching),
                 [&](const model::Gap& gap) { return touches(gap, process); });
    return touching;
}

}  // namespace lineage::query
