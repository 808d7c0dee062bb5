// The contract's JSON objects (DESIGN.md, section 6). What is not known is null: audit's unset uid, serial and time 0,
// an empty path.
#include <algorithm>

#include "json_text.hpp"
#include "lineage/render/render.hpp"
#include "words.hpp"

namespace lineage::render {
namespace {

void uid_member(JsonText& json, const char* name, std::uint32_t uid) {
    json.key(name);
    if (uid == model::unset_uid) {
        json.value(nullptr);
    } else {
        json.value(std::int64_t{uid});
    }
}

void id_member(JsonText& json, const char* name, std::int64_t id) {
    json.member(name, id == 0 ? std::nullopt : std::optional(id));
}

void time_member(JsonText& json, const char* name, model::TimeNs time_ns) {
    json.key(name);
    json.time(time_ns);
}

void witness_member(JsonText& json, model::Witnesses witnesses) {
    json.key("witness");
    json.begin_array();
    for (const auto one : {model::Witness::audit, model::Witness::connector, model::Witness::procfs}) {
        if (model::has(witnesses, one)) json.value(model::name_of(one));
    }
    json.end_array();
}

void argv_member(JsonText& json, const std::vector<std::string>& argv) {
    json.key("argv");
    json.begin_array();
    for (const auto& argument : argv) json.value(std::string_view(argument));
    json.end_array();
    if (std::all_of(argv.begin(), argv.end(), is_utf8)) return;
    json.key("argv_base64");
    json.begin_array();
    for (const auto& argument : argv) json.base64(argument);
    json.end_array();
}

void birth_member(JsonText& json, const model::Birth& born) {
    json.key("born");
    json.begin_object();
    time_member(json, "time", born.time_ns);
    id_member(json, "serial", born.serial);
    json.member("how", model::name_of(born.how));
    witness_member(json, born.witnesses);
    json.end_object();
}

void end_member(JsonText& json, const std::optional<model::End>& ended) {
    json.key("ended");
    if (!ended) return json.value(nullptr);
    json.begin_object();
    time_member(json, "time", ended->time_ns);
    id_member(json, "serial", ended->serial);
    json.member("code", ended->code);
    json.member("signal", ended->signal);
    witness_member(json, ended->witnesses);
    if (ended->signal) {
        json.member("core_dumped", ended->core_dumped);
        id_member(json, "by", ended->by);
    }
    json.end_object();
}

void image_value(JsonText& json, const model::Image& image) {
    json.begin_object();
    time_member(json, "time", image.time_ns);
    id_member(json, "serial", image.serial);
    json.known_member("exe", image.exe);
    if (!image.script.empty()) json.known_member("script", image.script);
    argv_member(json, image.argv);
    json.known_member("cwd", image.cwd);
    json.known_member("comm", image.comm);
    uid_member(json, "uid", image.credentials.uid);
    uid_member(json, "euid", image.credentials.euid);
    uid_member(json, "auid", image.credentials.auid);
    witness_member(json, image.witnesses);
    json.end_object();
}

void attempt_value(JsonText& json, const model::Attempt& attempt) {
    json.begin_object();
    time_member(json, "time", attempt.time_ns);
    id_member(json, "serial", attempt.serial);
    json.known_member("path", attempt.path);
    json.member("error", std::string_view(error_words(attempt.error)));
    json.known_member("cwd", attempt.cwd);
    json.end_object();
}

void attempts_member(JsonText& json, const std::vector<model::Attempt>& attempts) {
    json.key("attempts");
    json.begin_array();
    for (const auto& attempt : attempts) attempt_value(json, attempt);
    json.end_array();
    if (!attempts.empty() && attempts.front().seq > 0) json.member("attempts_forgotten", attempts.front().seq);
}

/// Words that `separator` stands between.
void words_member(JsonText& json, const char* name, std::string_view words, char separator) {
    json.key(name);
    json.begin_array();
    while (!words.empty()) {
        const auto word = words.substr(0, words.find(separator));
        json.value(word);
        words.remove_prefix(std::min(words.size(), word.size() + 1));
    }
    json.end_array();
}

void record_value(JsonText& json, const model::KeptEvent& event) {
    json.begin_object();
    time_member(json, "time", event.time_ns);
    json.member("serial", event.serial);
    words_member(json, "types", event.types, ' ');
    words_member(json, "keys", event.key, '\x01');
    words_member(json, "lines", event.text, '\n');
    if (!is_utf8(event.text)) {
        json.key("lines_base64");
        json.base64(event.text);
    }
    json.end_object();
}

void credential_members(JsonText& json, const model::Credentials& who) {
    uid_member(json, "uid", who.uid);
    uid_member(json, "gid", who.gid);
    uid_member(json, "euid", who.euid);
    uid_member(json, "egid", who.egid);
    uid_member(json, "auid", who.auid);
    uid_member(json, "ses", who.ses);
    json.known_member("tty", who.tty);
}

void process_value(JsonText& json, const model::Node& node) {
    const auto& process = node.process;
    json.begin_object();
    json.member("kind", "process");
    json.member("id", process.id);
    json.member("boot", std::string_view(node.boot));
    json.member("pid", process.pid);
    json.member("ns_pid", process.ns_pid);
    id_member(json, "parent", process.parent);
    json.member("ppid", process.ppid);
    birth_member(json, process.born);
    end_member(json, process.ended);
    credential_members(json, process.credentials);
    json.known_member("comm", process.comm);
    json.known_member("exe", node.current.exe);
    argv_member(json, node.current.argv);
    json.known_member("cwd", node.current.cwd);
    json.member("kernel_thread", process.kernel_thread);
    const char* const why = model::text_of(process.inferred);
    json.member("inferred", why == nullptr ? std::nullopt : std::optional<std::string_view>(why));
    json.key("images");
    json.begin_array();
    for (const auto& image : node.images) image_value(json, image);
    json.end_array();
    attempts_member(json, node.attempts);
    if (node.records) {
        json.key("records");
        json.begin_array();
        for (const auto& event : *node.records) record_value(json, event);
        json.end_array();
    }
    json.end_object();
}

}  // namespace

std::string process_json(const model::Node& node) {
    std::string out;
    out.reserve(1024);
    JsonText json(out);
    process_value(json, node);
    return out;
}

std::string boot_json(const model::Boot& boot) {
    std::string out;
    JsonText json(out);
    json.begin_object();
    json.member("kind", "boot");
    json.member("id", boot.id);
    json.member("boot", std::string_view(boot.name));
    json.known_member("host", boot.host);
    time_member(json, "started", boot.started_ns);
    json.member("imported", boot.imported);
    json.end_object();
    return out;
}

std::string gap_json(const model::Gap& gap, std::string_view boot) {
    std::string out;
    JsonText json(out);
    json.begin_object();
    json.member("kind", "gap");
    json.member("id", gap.id);
    json.member("boot", boot);
    time_member(json, "from", gap.from_ns);
    time_member(json, "to", gap.to_ns);
    json.member("lost", gap.lost);
    json.member("witness", model::name_of(gap.witness));
    json.member("why", std::string_view(gap.why));
    json.end_object();
    return out;
}

std::string tamper_json(const model::Tamper& tamper) {
    std::string out;
    JsonText json(out);
    json.begin_object();
    time_member(json, "time", tamper.time_ns);
    json.member("what", std::string_view(tamper.what));
    id_member(json, "by", tamper.by);
    json.member("pid", tamper.pid == 0 ? std::nullopt : std::optional(tamper.pid));
    uid_member(json, "auid", tamper.auid);
    time_member(json, "impaired_from", tamper.from_ns);
    time_member(json, "impaired_to", tamper.to_ns);
    json.member("inferred", tamper.inferred);
    json.member("times", tamper.times);
    json.end_object();
    return out;
}

std::string path_json(const model::Path& path) {
    std::string out;
    JsonText json(out);
    json.begin_object();
    json.key("process");
    process_value(json, path.process);
    json.key("ancestors");
    json.begin_array();
    for (const auto& ancestor : path.ancestors) process_value(json, ancestor);
    json.end_array();
    json.key("gaps");
    json.begin_array();
    for (const auto& gap : path.gaps) json.ready(gap_json(gap, path.process.boot));
    json.end_array();
    json.key("tampering");
    json.begin_array();
    for (const auto& tamper : path.tampering) json.ready(tamper_json(tamper));
    json.end_array();
    json.end_object();
    return out;
}

}  // namespace lineage::render
