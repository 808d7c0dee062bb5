// `boots`: the runs of the kernel that a database holds, the oldest first.
#include <fmt/format.h>

#include "json_text.hpp"
#include "line.hpp"
#include "times.hpp"

namespace lineage::render {
namespace {

constexpr int number_column = 7;
constexpr int boot_column = 15;
constexpr int host_column = 53;
constexpr int started_column = 74;
constexpr int recorded_column = 100;
constexpr int seen_column = 126;
constexpr int processes_column = 152;

}  // namespace

std::string boot_extent_json(const model::BootExtent& extent, std::int64_t index) {
    const auto time = [](JsonText& json, const char* name, std::optional<model::TimeNs> time_ns) {
        json.key(name);
        json.time(time_ns.value_or(0));
    };
    std::string out;
    JsonText json(out);
    json.begin_object();
    json.member("kind", "boot");
    json.member("id", extent.boot.id);
    json.member("index", index);
    json.member("boot_id", std::string_view(extent.boot.name));
    json.key("host");
    if (extent.boot.host.empty()) {
        json.value(nullptr);
    } else {
        json.value(std::string_view(extent.boot.host));
    }
    time(json, "started", extent.boot.started_ns);
    time(json, "recorded_from", extent.recorded_from_ns);
    time(json, "last_seen", extent.last_seen_ns);
    time(json, "ended", extent.over ? std::optional(extent.last_seen_ns) : std::nullopt);
    json.member("processes", extent.processes);
    json.member("imported", extent.boot.imported);
    json.end_object();
    return out;
}

void boots_text(const std::vector<model::BootExtent>& extents, const Style& style, std::string& out) {
    heads_line({{0, "INDEX"},
                {number_column, "NUMBER"},
                {boot_column, "BOOT"},
                {host_column, "HOST"},
                {started_column, "STARTED"},
                {recorded_column, "RECORDED FROM"},
                {seen_column, "LAST SEEN"},
                {processes_column, "PROCESSES"}},
               style, out);
    auto index = 1 - static_cast<std::int64_t>(extents.size());
    for (const auto& extent : extents) {
        Line line(style, out);
        line.put(fmt::format("{}", index++), Ink::strong);
        line.to(number_column);
        line.put(fmt::format("{}", extent.boot.id), Ink::faint);
        line.to(boot_column);
        line.put(escape_for_terminal(extent.boot.name));
        line.to(host_column);
        line.put(extent.boot.host.empty() ? "-" : escape_for_terminal(extent.boot.host));
        line.to(started_column);
        line.put(time_text(extent.boot.started_ns, style.utc));
        line.to(recorded_column);
        line.put(time_text(extent.recorded_from_ns.value_or(0), style.utc));
        line.to(seen_column);
        line.put(time_text(extent.last_seen_ns, style.utc));
        line.to(processes_column);
        line.put(fmt::format("{}", extent.processes));
        if (extent.boot.imported) line.put(", imported", Ink::faint);
        line.end();
    }
}

}  // namespace lineage::render
