// `lineage find`: the processes that match, as they come.
#include "../command.hpp"
#include "../output.hpp"
#include "../selection.hpp"
#include "../view.hpp"

namespace lineage::cli {
namespace {

void declare(CLI::App& app, Arguments& arguments) {
    declare_filters(app, arguments);
    declare_moment(app, arguments);
    declare_where(app, arguments);
}

base::Status run(const Arguments& arguments) {
    const auto reader = open_database(arguments);
    if (!reader) return tl::unexpected(reader.error());
    const auto filter = filter_of(arguments, **reader);
    if (!filter) return tl::unexpected(filter.error());
    auto watch = GapWatch::open(arguments, **reader);
    if (!watch) return tl::unexpected(watch.error());
    auto output = Output::open("");
    if (!output) return tl::unexpected(output.error());
    const auto style = style_of(arguments, true);
    std::size_t matched = 0;
    const auto selected = (*reader)->select(*filter, [&](model::Node&& node) {
        std::string text;
        if (matched++ == 0 && !arguments.json) render::list_header(style, text);
        watch->see(node.process);
        if (arguments.json) {
            text = render::process_json(node) + "\n";
        } else {
            render::list_line(node, style, text);
        }
        return output->write(text);
    });
    if (!selected) return selected;
    if (matched == 0) return base::fail("find", "nothing matched", base::ExitCode::nothing_matched);
    return output->finish().and_then([&] { return watch->verdict(); });
}

}  // namespace

const Command find_command{"find", "The processes that match everything given", declare, run};

}  // namespace lineage::cli
