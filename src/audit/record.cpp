#include "lineage/audit/record.hpp"

#include <libaudit.h>
#include <sys/ptrace.h>

#include <algorithm>

#include "calls.hpp"
#include "scan.hpp"

namespace lineage::audit {

namespace {

constexpr char enrichment = '\x1d';
/// kill(-1) reaches everyone; how many that are, a hostile log may not say.
constexpr std::size_t objects_max = 4096;

/// Takes the last word off `text` if it begins with `prefix`, and gives what follows the prefix.
std::optional<std::string_view> take_last_word(std::string_view& text, std::string_view prefix) {
    const auto blank = text.rfind(' ');
    const auto word = blank == std::string_view::npos ? text : text.substr(blank + 1);
    if (word.substr(0, prefix.size()) != prefix) return std::nullopt;
    text = blank == std::string_view::npos ? std::string_view() : text.substr(0, blank);
    return word.substr(prefix.size());
}

bool strip_suffix(std::string_view& text, std::string_view suffix) {
    if (text.size() < suffix.size() || text.substr(text.size() - suffix.size()) != suffix) return false;
    text.remove_suffix(suffix.size());
    return true;
}

/// A pid that may be a process's: pid 0 makes no audit records.
std::optional<model::Pid> pid_of(std::string_view value) {
    std::int64_t number = 0;
    if (!parse_decimal(value, number) || number <= 0 || number > INT32_MAX) return std::nullopt;
    return static_cast<model::Pid>(number);
}

void add_once(std::vector<model::Pid>& pids, model::Pid pid) {
    if (pids.size() < objects_max && std::find(pids.begin(), pids.end(), pid) == pids.end()) pids.push_back(pid);
}

}  // namespace

std::optional<Record> record_of(std::string_view line) {
    Record record;
    while (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (const auto at = line.find(enrichment); at != std::string_view::npos) {
        record.enrichment = line.substr(at);
        line = line.substr(0, at);
    }
    // What comes before the id was written by daemons, never by tasks: the first one that parses is it.
    for (auto at = line.find("audit("); at != std::string_view::npos; at = line.find("audit(", at + 1)) {
        auto rest = line.substr(at);
        RecordId id;
        if (!take_id(rest, id)) continue;
        auto before = line.substr(0, at);
        const bool by_daemon = strip_suffix(before, "msg=");
        if (!before.empty() && !strip_suffix(before, " ") && !by_daemon) continue;
        if (const auto name = take_last_word(before, "type=")) {
            record.type_name = *name;
            record.type = type_of(*name);
            if (const auto node = take_last_word(before, "node=")) record.node = *node;
        } else if (by_daemon) {
            continue;
        }
        record.time_ns = id.time_ns;
        record.serial = id.serial;
        record.id = line.substr(at, line.find(')', at) + 1 - at);
        record.fields = rest;
        return record;
    }
    return std::nullopt;
}

void append_canonical(const Record& record, std::string& out) {
    if (!record.node.empty()) out.append("node=").append(record.node).push_back(' ');
    const char* const name = record.type == 0 ? nullptr : audit_msg_type_to_name(record.type);
    out += "type=";
    if (name != nullptr) {
        out += name;
    } else {
        out.append("UNKNOWN[").append(std::to_string(record.type)).push_back(']');
    }
    out.append(" msg=").append(record.id).append(": ").append(record.fields).append(record.enrichment);
}

void Parties::absorb(const Record& record) {
    const bool call = record.type == AUDIT_SYSCALL;
    std::optional<model::Pid> named;
    std::uint64_t arch = 0;
    std::int64_t number = -1;
    std::uint64_t a0 = PTRACE_TRACEME;
    std::uint64_t a1 = 0;
    auto fields = record.fields;
    std::string_view name;
    std::string_view value;
    while (take_field(fields, name, value)) {
        // User space puts what it was told behind "msg='": the kernel's own fields stand before.
        if (name == "msg") break;
        if (name == "pid" && !named) {
            named = pid_of(value);
        } else if (name == "opid") {
            if (const auto pid = pid_of(value)) add_once(objects, *pid);
        } else if (!call) {
            continue;
        } else if (name == "arch") {
            parse_hex(value, arch);
        } else if (name == "syscall") {
            parse_decimal(value, number);
        } else if (name == "a0") {
            parse_hex(value, a0);
        } else if (name == "a1") {
            parse_hex(value, a1);
        } else if (name == "comm") {
            break;  // what matters stands before it
        }
    }
    if (named && (!subject || (call && !of_call))) subject = named;
    of_call = of_call || (call && named);
    const bool traces = call && call_of(static_cast<std::uint32_t>(arch), number) == Call::ptrace &&
                        a0 != PTRACE_TRACEME && a1 > 0 && a1 <= INT32_MAX;
    if (traces) traced = static_cast<model::Pid>(a1);
}

}  // namespace lineage::audit
