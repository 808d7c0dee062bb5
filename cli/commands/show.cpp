// `lineage show PROC`: the path from pid 0 down to a process.
#include "../command.hpp"
#include "../output.hpp"
#include "../selection.hpp"
#include "../view.hpp"

namespace lineage::cli {
namespace {

void declare(CLI::App& app, Arguments& arguments) {
    declare_process(app, arguments, true);
    declare_moment(app, arguments);
    declare_where(app, arguments);
    app.add_flag("--records", arguments.records, "With the audit records that were kept on each of them");
}

base::Status run(const Arguments& arguments) {
    const auto reader = open_database(arguments);
    if (!reader) return tl::unexpected(reader.error());
    const auto process = process_of(arguments.process, arguments, **reader);
    if (!process) return tl::unexpected(process.error());
    auto path = query::path_of(**reader, process->process.id);
    if (!path) return tl::unexpected(path.error());
    if (arguments.records)
        if (auto added = query::add_records(**reader, *path); !added) return added;
    std::string text;
    if (arguments.json) {
        text = render::path_json(*path) + "\n";
    } else {
        render::path_text(*path, style_of(arguments, false), text);
    }
    auto output = Output::open("");
    if (!output) return tl::unexpected(output.error());
    output->write(text);
    return output->finish().and_then([&] { return verdict_on(arguments, path->gaps); });
}

}  // namespace

const Command show_command{"show", "The path from pid 0 to a process: images, users, times, how it ended", declare,
                           run};

}  // namespace lineage::cli
