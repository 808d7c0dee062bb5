#include "report.hpp"

#include <sys/wait.h>

#include <cstdio>
#include <string>

#include "arena.hpp"

namespace forest {

namespace {

std::string hex(std::string_view bytes) {
    static const char digits[] = "0123456789abcdef";
    std::string text;
    for (const char c : bytes) {
        text += digits[static_cast<unsigned char>(c) >> 4];
        text += digits[static_cast<unsigned char>(c) & 15];
    }
    return text;
}

std::string image_json(const ImageRecord& image) {
    const std::string text = text_of(image);
    std::string json = std::string("{\"kind\":\"") + name_of(image.kind) + "\",\"exe\":\"";
    for (std::size_t at = 0, part = 0; at < text.size(); ++part) {
        const std::size_t end = text.find('\0', at);
        const std::string word = hex(std::string_view(text).substr(at, end - at));
        if (part == 0)
            json += word + "\",\"argv\":[";
        else
            json += (part > 1 ? ",\"" : "\"") + word + "\"";
        at = end + 1;
    }
    return json + "]}";
}

std::string or_null(std::int64_t value, bool known) {
    return known ? std::to_string(value) : "null";
}

std::string record_json(std::uint32_t slot) {
    const Record& r = record(slot);
    std::string json = "{\"slot\":" + std::to_string(slot) + ",\"parent\":" + or_null(r.parent, slot != 0) +
                       ",\"road\":\"" + name_of(r.label) + "\",\"call\":\"" + name_of(r.road) +
                       "\",\"pid\":" + std::to_string(r.pid) + ",\"ns_pid\":" + or_null(r.ns_pid, r.ns_depth > 0) +
                       ",\"ppid\":" + or_null(r.ppid, r.ppid > 0) + ",\"before_ns\":" + std::to_string(r.before_ns) +
                       ",\"after_ns\":" + std::to_string(r.after_ns) + ",\"uid\":" + std::to_string(r.uid) +
                       ",\"euid\":" + std::to_string(r.euid) + ",\"gid\":" + std::to_string(r.gid) +
                       ",\"egid\":" + std::to_string(r.egid) + ",\"auid\":" + or_null(r.auid, r.auid != unset_uid) +
                       ",\"end\":\"" + name_of(r.end) + "\",\"code\":" + or_null(r.code, r.code >= 0) +
                       ",\"signal\":" + or_null(r.signal, r.signal >= 0) +
                       ",\"leader_left\":" + (r.leader_left ? "true" : "false") +
                       ",\"failed_execs\":" + std::to_string(r.failed_execs) +
                       ",\"inherited\":" + image_json(r.inherited) + ",\"images\":[";
    for (std::uint32_t i = 0; i < r.image_count; ++i) json += (i > 0 ? "," : "") + image_json(r.images[i]);
    if (slot == 0) return json + "],\"helper\":" + or_null(r.param, r.param != 0) + "}\n";
    return json + "]}\n";
}

}  // namespace

int write_truth(const char* path) {
    FILE* out = fopen(path, "w");
    if (out == nullptr) return -1;
    int written = 0;
    for (std::uint32_t slot = 0; slot < arena->slots; ++slot) {
        if (record(slot).no_such_process) continue;
        fputs(record_json(slot).c_str(), out);
        ++written;
    }
    return fclose(out) == 0 ? written : -1;
}

void compare_with_wait() {
    for (std::uint32_t slot = 0; slot < arena->slots; ++slot) {
        const Record& r = record(slot);
        if (r.no_such_process) continue;
        if (r.pid == 0) mistake("never lived, slot", slot);
        if (!r.waited) continue;
        const bool as_meant = r.code >= 0 ? WIFEXITED(r.wait_status) && WEXITSTATUS(r.wait_status) == r.code
                                          : WIFSIGNALED(r.wait_status) && WTERMSIG(r.wait_status) == r.signal;
        if (!as_meant) mistake("ended otherwise than meant, slot", slot);
    }
}

}  // namespace forest
