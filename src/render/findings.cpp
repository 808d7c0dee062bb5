// `doctor`: what was looked at, how it is, and the mend.
#include "json_text.hpp"
#include "line.hpp"

namespace lineage::render {
namespace {

constexpr int name_column = 9;
constexpr int found_column = 31;
using State = model::Finding::State;

Ink ink_of(State state) {
    switch (state) {
        case State::ok:
            return Ink::good;
        case State::warn:
            return Ink::warn;
        case State::bad:
            return Ink::bad;
        case State::skipped:
            break;
    }
    return Ink::faint;
}

}  // namespace

std::string findings_json(const std::vector<model::Finding>& findings) {
    std::string out;
    JsonText json(out);
    json.begin_object();
    json.key("checks");
    json.begin_array();
    for (const auto& finding : findings) {
        json.begin_object();
        json.member("name", std::string_view(finding.name));
        json.member("state", model::name_of(finding.state));
        json.member("found", std::string_view(finding.found));
        json.member("mend", finding.mend.empty() ? std::nullopt : std::optional<std::string_view>(finding.mend));
        json.end_object();
    }
    json.end_array();
    json.end_object();
    return out;
}

void findings_text(const std::vector<model::Finding>& findings, const Style& style, std::string& out) {
    for (const auto& finding : findings) {
        Line line(style, out);
        line.put(model::name_of(finding.state), ink_of(finding.state));
        line.to(name_column);
        line.put(escape_for_terminal(finding.name));
        line.to(found_column);
        line.put(escape_for_terminal(finding.found));
        line.end();
        if (finding.mend.empty()) continue;
        Line mend(style, out);
        mend.to(name_column);
        mend.put("mend: " + escape_for_terminal(finding.mend), Ink::strong);
        mend.end();
    }
}

}  // namespace lineage::render
