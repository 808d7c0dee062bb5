#include "lineage/render/event.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "escape.hpp"
#include "json_text.hpp"
#include "line.hpp"
#include "times.hpp"

namespace lineage::render {
namespace {

void party_member(JsonText& json, const char* name, const model::InterpretedEvent::Party& party) {
    json.key(name);
    json.begin_object();
    json.known_member("kind", party.kind);
    json.known_member("primary", party.primary);
    json.known_member("secondary", party.secondary);
    json.end_object();
}

/// A name that stands several times in a record has its values in an array.
void fields_member(JsonText& json, const std::vector<model::InterpretedEvent::Field>& fields) {
    json.key("fields");
    json.begin_object();
    std::vector<std::size_t> order(fields.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return fields[a].name < fields[b].name; });
    for (std::size_t i = 0; i < order.size();) {
        const auto& name = fields[order[i]].name;
        auto end = i + 1;
        while (end < order.size() && fields[order[end]].name == name) ++end;
        json.value(std::string_view(name));
        json.colon();
        if (end - i > 1) json.begin_array();
        const bool is_many = end - i > 1;
        for (; i < end; ++i) json.value(std::string_view(fields[order[i]].value));
        if (is_many) json.end_array();
    }
    json.end_object();
}

void records_member(JsonText& json, const std::vector<model::InterpretedEvent::Record>& records) {
    json.key("records");
    json.begin_array();
    for (const auto& record : records) {
        json.begin_object();
        json.member("type", std::string_view(record.type));
        fields_member(json, record.fields);
        json.end_object();
    }
    json.end_array();
}

void ancestry_members(JsonText& json, const TracedParty& party, std::size_t history_bytes_max) {
    json.member("pid", party.pid == 0 ? std::nullopt : std::optional(party.pid));
    json.key("id");
    if (party.history.empty()) {
        json.value(nullptr);
    } else {
        json.value(party.history.back().id);
    }
    json.key("ancestry");
    json.begin_array();
    for (const auto& entry : party.history) {
        json.begin_object();
        json.member("id", entry.id);
        json.member("pid", entry.pid);
        json.known_member("name", entry.name);
        json.known_member("exe", entry.exe);
        json.key("start");
        json.time(entry.start_ns);
        json.end_object();
    }
    json.end_array();
    auto line = history_line(party.history, history_bytes_max);
    const std::string_view text(line);
    constexpr std::string_view head = "history=\"";
    json.key("history");
    if (party.history.empty()) {
        json.value(nullptr);
    } else {
        json.value(text.substr(head.size(), text.size() - head.size() - 1));
    }
}

}  // namespace

std::string event_json(const TracedEvent& traced, std::size_t history_bytes_max) {
    std::string out;
    JsonText json(out);
    const auto& event = traced.event;
    json.begin_object();
    json.member("kind", "event");
    json.key("time");
    json.time(event.time_ns);
    json.member("serial", event.serial);
    json.known_member("node", event.node);
    json.known_member("event_kind", event.kind);
    party_member(json, "subject", event.subject);
    json.known_member("action", event.action);
    party_member(json, "object", event.object);
    json.known_member("how", event.how);
    json.known_member("result", event.result);
    json.member("sentence", std::string_view(event_sentence(event)));
    records_member(json, event.records);
    ancestry_members(json, traced.subject, history_bytes_max);
    json.known_member("unplaced", traced.unplaced);
    json.key("objects");
    json.begin_array();
    for (const auto& object : traced.objects) {
        json.begin_object();
        ancestry_members(json, object, history_bytes_max);
        json.end_object();
    }
    json.end_array();
    json.end_object();
    return out;
}

namespace {

/// libauparse knows that a rule was triggered; which call it was says more.
std::string action_words(const model::InterpretedEvent& event) {
    if (event.action == "triggered-audit-rule") {
        for (const auto& record : event.records) {
            for (const auto& field : record.fields)
                if (field.name == "syscall") return "called " + escape_for_terminal(field.value) + ", caught by rule";
        }
    }
    if (event.action.empty()) return "did something that libauparse has no word for:";
    auto words = escape_for_terminal(event.action);
    std::replace(words.begin(), words.end(), '-', ' ');
    return words;
}

/// libauparse only counts those that a signal went to: "list of pids".
std::string object_words(const model::InterpretedEvent& event) {
    std::string words;
    for (const auto& record : event.records) {
        if (record.type != "OBJ_PID") continue;
        words += words.empty() ? "" : ", ";
        for (const auto& field : record.fields) {
            if (field.name == "opid") words += "pid " + escape_for_terminal(field.value);
            if (field.name == "ocomm") words += " (" + escape_for_terminal(field.value) + ")";
        }
    }
    return words.empty() ? escape_for_terminal(event.object.primary) : words;
}

}  // namespace

std::string event_sentence(const model::InterpretedEvent& event) {
    const auto or_unknown = [](const std::string& text, const char* otherwise) {
        return text.empty() || text == "unset" ? std::string(otherwise) : escape_for_terminal(text);
    };
    std::string text = or_unknown(event.subject.primary, "someone without a login");
    if (!event.subject.secondary.empty() && event.subject.secondary != event.subject.primary)
        text += ", as " + escape_for_terminal(event.subject.secondary) + ",";
    const bool failed = event.result == "failed" || event.result == "fail" || event.result == "no";
    text += failed ? " failed: " : " ";
    text += action_words(event);
    const auto object = object_words(event);
    if (!object.empty()) text += " " + object;
    const bool is_inode =
        event.object.secondary.find_first_not_of("0123456789") == std::string::npos;  // says nothing to people
    if (!is_inode) text += " (" + escape_for_terminal(event.object.secondary) + ")";
    if (!event.how.empty() && event.how != event.object.primary) text += " using " + escape_for_terminal(event.how);
    return text;
}

void event_text(const model::InterpretedEvent& event, const Style& style, std::string& out) {
    constexpr int indent = 2;
    constexpr int value_column = 16;
    const auto heading = fmt::format("event {} of {}{}", event.serial, time_text(event.time_ns, style.utc),
                                     event.node.empty() ? "" : " on " + escape_for_terminal(event.node));
    Line title(style, out);
    title.put(heading, Ink::strong);
    title.end();
    for (const auto& record : event.records) {
        Line type(style, out);
        type.put(escape_for_terminal(record.type), Ink::faint);
        type.end();
        for (const auto& field : record.fields) {
            if (field.name == "type") continue;
            Line line(style, out);
            line.to(indent);
            line.put(escape_for_terminal(field.name), Ink::faint);
            line.to(value_column);
            line.put(escape_for_terminal(field.value));
            line.end();
        }
    }
    Line sentence(style, out);
    sentence.put(event_sentence(event), Ink::strong);
    sentence.end();
}

}  // namespace lineage::render
