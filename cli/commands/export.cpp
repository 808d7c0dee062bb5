// `lineage export --format dot|json [PROC]`: a selection for other programs.
#include <algorithm>

#include "../command.hpp"
#include "../output.hpp"
#include "../selection.hpp"
#include "../view.hpp"

namespace lineage::cli {
namespace {

void declare(CLI::App& app, Arguments& arguments) {
    app.add_option("--format", arguments.format, "dot or json")->type_name("FORMAT");
    declare_process(app, arguments, false);
    declare_filters(app, arguments);
    declare_moment(app, arguments);
    declare_where(app, arguments);
    app.add_option("-o,--output", arguments.output, "Write it there, whole or not at all")->type_name("FILE");
}

base::Status check_usage(const Arguments& arguments) {
    const auto usage = [](std::string cause) {
        return base::fail("--format", std::move(cause), base::ExitCode::usage);
    };
    if (arguments.format.empty() && !arguments.json) return usage("is needed: dot or json");
    if (arguments.format == "graphml" || arguments.format == "html") {
        return usage(arguments.format + " is not there in this version: use dot or json");
    }
    if (!arguments.format.empty() && arguments.format != "dot" && arguments.format != "json") {
        return usage(arguments.format + " is not known: use dot or json");
    }
    if (!arguments.process.empty() && !arguments.under.empty()) {
        return base::fail("--under", "says the same as PROC: give one of them", base::ExitCode::usage);
    }
    return {};
}

base::Status nothing_matched() {
    return base::fail("export", "nothing matched", base::ExitCode::nothing_matched);
}

base::Status export_dot(const Arguments& arguments, const model::Filter& filter, store::Reader& reader, GapWatch& watch,
                        Output& output) {
    const auto forest = query::forest_of(reader, filter, false);
    if (!forest) return tl::unexpected(forest.error());
    if (boost::num_vertices(*forest) == 0) return nothing_matched();
    for (const auto vertex : boost::make_iterator_range(boost::vertices(*forest))) watch.see((*forest)[vertex].process);
    std::string text;
    render::dot(*forest, style_of(arguments, false), text);
    output.write(text);
    return {};
}

/// Boots, processes, gaps, each by id. Of a selection all gaps of its boots are told, not only those its processes
/// lived through: what is missing from it may have been lost in any of them.
base::Status export_json(const model::Filter& filter, store::Reader& reader, GapWatch& watch, Output& output) {
    auto boots = reader.boots();
    if (!boots) return tl::unexpected(boots.error());
    const auto id_before = [](const auto& a, const auto& b) { return a.id < b.id; };
    std::sort(boots->begin(), boots->end(), id_before);
    const auto is_selected = [&](model::BootId boot) {
        return filter.boots.empty() || std::find(filter.boots.begin(), filter.boots.end(), boot) != filter.boots.end();
    };
    for (const auto& boot : *boots)
        if (is_selected(boot.id)) output.write(render::boot_json(boot) + "\n");
    std::size_t matched = 0;
    const auto selected = reader.select(filter, [&](model::Node&& node) {
        ++matched;
        watch.see(node.process);
        return output.write(render::process_json(node) + "\n");
    });
    if (!selected) return selected;
    if (matched == 0) return nothing_matched();
    auto gaps = reader.gaps();
    if (!gaps) return tl::unexpected(gaps.error());
    std::sort(gaps->begin(), gaps->end(), id_before);
    for (const auto& gap : *gaps) {
        if (!is_selected(gap.boot)) continue;
        const auto boot =
            std::find_if(boots->begin(), boots->end(), [&](const auto& one) { return one.id == gap.boot; });
        output.write(render::gap_json(gap, boot == boots->end() ? "" : boot->name) + "\n");
    }
    return {};
}

base::Status run(const Arguments& arguments) {
    if (auto usable = check_usage(arguments); !usable) return usable;
    const auto reader = open_database(arguments);
    if (!reader) return tl::unexpected(reader.error());
    const auto filter = filter_of(arguments, **reader);
    if (!filter) return tl::unexpected(filter.error());
    auto watch = GapWatch::open(arguments, **reader);
    if (!watch) return tl::unexpected(watch.error());
    auto output = Output::open(arguments.output);
    if (!output) return tl::unexpected(output.error());
    const auto written = arguments.format == "dot" ? export_dot(arguments, *filter, **reader, *watch, *output)
                                                   : export_json(*filter, **reader, *watch, *output);
    if (!written) return written;
    return output->finish().and_then([&] { return watch->verdict(); });
}

}  // namespace

const Command export_command{"export", "A selection (default: everything) as DOT or JSON", declare, run};

}  // namespace lineage::cli
