// `lineage boots`: which runs of which kernels the database holds.
#include "../command.hpp"
#include "../output.hpp"
#include "../selection.hpp"
#include "../view.hpp"

namespace lineage::cli {
namespace {

void declare(CLI::App& app, Arguments& arguments) {
    declare_host(app, arguments);
}

base::Status run(const Arguments& arguments) {
    const auto reader = open_database(arguments);
    if (!reader) return tl::unexpected(reader.error());
    auto extents = (*reader)->boot_extents();
    if (!extents) return tl::unexpected(extents.error());
    std::erase_if(*extents, [&](const model::BootExtent& extent) {
        return !arguments.host.empty() && !query::same_host(extent.boot.host, arguments.host);
    });
    if (!arguments.host.empty() && extents->empty())
        return base::fail("boots", "the database has none of host " + arguments.host, base::ExitCode::nothing_matched);
    if (extents->empty()) return base::fail("boots", "none is recorded yet", base::ExitCode::nothing_matched);
    std::string text;
    if (arguments.json) {
        auto index = 1 - static_cast<std::int64_t>(extents->size());
        for (const auto& extent : *extents) text += render::boot_extent_json(extent, index++) + "\n";
    } else {
        render::boots_text(*extents, style_of(arguments, true), text);
    }
    auto output = Output::open("");
    if (!output) return tl::unexpected(output.error());
    output->write(text);
    return output->finish();
}

}  // namespace

const Command boots_command{"boots", "The boots that the database holds, the newest last", declare, run};

}  // namespace lineage::cli
