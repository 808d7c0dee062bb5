// `status`: the facts the recorder left in the database, grouped by the first word of their names.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "escape.hpp"
#include "json_text.hpp"
#include "line.hpp"
#include "words.hpp"

namespace lineage::render {
namespace {

using Facts = std::map<std::string, std::string>;

constexpr const char* groups[] = {"recorder", "rules", "witnesses"};

/// The facts "group.*" without that prefix.
Facts facts_of(const Facts& facts, const std::string& group) {
    Facts out;
    const auto prefix = group + ".";
    for (auto fact = facts.lower_bound(prefix); fact != facts.end() && fact->first.rfind(prefix, 0) == 0; ++fact) {
        out.emplace(fact->first.substr(prefix.size()), fact->second);
    }
    return out;
}

/// Facts are kept as text; what reads as a whole number is one in JSON.
void fact_value(JsonText& json, const std::string& text) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size() && fmt::format("{}", number) == text) {
        json.value(number);
    } else {
        json.value(std::string_view(text));
    }
}

void fact_members(JsonText& json, const Facts& facts) {
    for (const auto& [name, text] : facts) {
        json.value(std::string_view(name));
        json.colon();
        fact_value(json, text);
    }
}

void put_group(const std::string& group, const Facts& facts, const Style& style, std::string& out) {
    for (const auto& [name, text] : facts) {
        Line line(style, out);
        line.put(escape_for_terminal(group + "." + name), Ink::faint);
        line.to(28);
        line.put(escape_for_terminal(text));
        line.end();
    }
}

/// "swapper/0 (0) => systemd (1) => bash (812) => auditctl (4242)".
std::string lineage_words(const model::Path& path) {
    std::string out;
    const auto put = [&](const model::Node& node) {
        out += fmt::format("{}{} ({})", out.empty() ? "" : " => ", escape_for_terminal(node.process.comm),
                           node.process.pid);
    };
    for (auto node = path.ancestors.rbegin(); node != path.ancestors.rend(); ++node) put(*node);
    put(path.process);
    return out;
}

void put_tampering(const Status& status, const Style& style, std::string& out) {
    Line count(style, out);
    count.put("tampering");
    count.to(28);
    count.put(fmt::format("{}", status.tampering.size()), status.tampering.empty() ? Ink::good : Ink::bad);
    count.end();
    for (const auto& tamper : status.tampering) {
        const auto culprit = status.culprits.find(tamper.by);
        const bool is_known = culprit != status.culprits.end();
        Line line(style, out);
        line.put(tamper_words(tamper, is_known ? &culprit->second.process.process : nullptr, style), Ink::bad);
        line.end();
        if (!is_known) continue;
        Line lineage(style, out);
        lineage.put("           " + lineage_words(culprit->second));
        lineage.end();
    }
}

}  // namespace

std::string status_json(const Status& status) {
    std::string out;
    JsonText json(out);
    json.begin_object();
    for (const std::string group : groups) {
        json.key(group);
        json.begin_object();
        if (group == "recorder") json.member("running", status.recorder_alive);
        fact_members(json, facts_of(status.facts, group));
        json.end_object();
    }
    json.key("gaps");
    json.begin_array();
    for (const auto& gap : status.gaps) {
        const auto boot = status.boots.find(gap.boot);
        json.ready(gap_json(gap, boot == status.boots.end() ? "" : boot->second));
    }
    json.end_array();
    json.key("tampering");
    json.begin_array();
    for (const auto& tamper : status.tampering) json.ready(tamper_json(tamper));
    json.end_array();
    json.key("database");
    json.begin_object();
    fact_members(json, status.database);
    json.end_object();
    json.end_object();
    return out;
}

void status_text(const Status& status, const Style& style, std::string& out) {
    Line head(style, out);
    head.put("recorder");
    head.to(28);
    if (status.recorder_alive) {
        head.put("running", Ink::good);
    } else {
        head.put("not running: nothing is being recorded now", Ink::bad);
    }
    head.end();
    for (const char* const group : groups) put_group(group, facts_of(status.facts, group), style, out);
    put_group("database", status.database, style, out);
    Line count(style, out);
    count.put("gaps");
    count.to(28);
    count.put(fmt::format("{}", status.gaps.size()), status.gaps.empty() ? Ink::good : Ink::warn);
    count.end();
    for (const auto& gap : status.gaps) {
        Line line(style, out);
        line.put(gap_words(gap, style), Ink::warn);
        line.end();
    }
    put_tampering(status, style, out);
}

}  // namespace lineage::render
