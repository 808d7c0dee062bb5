#include "verbatim.hpp"

#include <libaudit.h>

#include <utility>

#include "lineage/audit/record.hpp"

namespace lineage::audit {

namespace {

/// Is it all about births, images and deaths?
bool of_history(Call call) {
    switch (call) {
        case Call::fork:
        case Call::vfork:
        case Call::clone:
        case Call::clone3:
        case Call::execve:
        case Call::execveat:
        case Call::exit:
        case Call::exit_group:
            return true;
        default:
            return false;
    }
}

std::string name_of(std::uint16_t type) {
    const char* const name = audit_msg_type_to_name(type);
    return name != nullptr ? name : "UNKNOWN[" + std::to_string(type) + "]";
}

bool has_word(std::string_view words, std::string_view word) {
    for (auto at = words.find(word); at != std::string_view::npos; at = words.find(word, at + 1)) {
        const auto end = at + word.size();
        if ((at == 0 || words[at - 1] == ' ') && (end == words.size() || words[end] == ' ')) return true;
    }
    return false;
}

}  // namespace

bool goes_with_call(std::uint16_t type) {
    switch (type) {
        case AUDIT_PATH:
        case AUDIT_IPC:
        case AUDIT_SOCKETCALL:
        case AUDIT_SOCKADDR:
        case AUDIT_CWD:
        case AUDIT_EXECVE:
        case AUDIT_IPC_SET_PERM:
        case AUDIT_MQ_OPEN:
        case AUDIT_MQ_SENDRECV:
        case AUDIT_MQ_NOTIFY:
        case AUDIT_MQ_GETSETATTR:
        case AUDIT_FD_PAIR:
        case AUDIT_OBJ_PID:
        case AUDIT_EOE:
        case AUDIT_BPRM_FCAPS:
        case AUDIT_CAPSET:
        case AUDIT_MMAP:
        case AUDIT_PROCTITLE:
            return true;
        default:
            return false;
    }
}

void append_raw_line(std::uint16_t type, std::string_view text, std::string& out) {
    // User space's messages may end with a newline or with its NUL, and hold others.
    while (!text.empty() && (text.back() == '\n' || text.back() == '\0')) text.remove_suffix(1);
    out.append("type=").append(name_of(type)).append(" msg=");
    const auto begin = out.size();
    out += text;
    for (auto at = begin; at < out.size(); ++at)
        if (out[at] == '\n' || out[at] == '\0') out[at] = ' ';
    out += '\n';
}

void Verbatim::add(std::uint16_t type, std::string_view text, std::string_view line, std::size_t bytes_max) {
    if (!goes_with_call(type)) verdict_ = Verdict::keep;
    if (verdict_ != Verdict::drop && type != AUDIT_EOE) append(type, text, line, bytes_max);
}

void Verbatim::add_call(Call call, std::string key, std::string_view text, std::string_view line,
                        std::size_t bytes_max) {
    const bool is_ours = key == our_key || (key.empty() && of_history(call));
    if (is_ours && verdict_ != Verdict::keep) {
        verdict_ = Verdict::drop;
        types_ = text_ = {};
        return;
    }
    verdict_ = Verdict::keep;
    key_ = std::move(key);
    append(AUDIT_SYSCALL, text, line, bytes_max);
}

void Verbatim::append(std::uint16_t type, std::string_view text, std::string_view line, std::size_t bytes_max) {
    const auto name = name_of(type);
    if (!has_word(types_, name)) types_.append(types_.empty() ? "" : " ").append(name);
    if (text_.size() + text.size() > bytes_max) return;
    if (line.empty()) return append_raw_line(type, text, text_);
    text_.append(line).push_back('\n');
}

model::KeptEvent Verbatim::take() {
    return {0, 0, std::exchange(types_, {}), std::exchange(key_, {}), std::exchange(text_, {})};
}

void Verbatim::save(base::Encoder& out) const {
    out.put(verdict_);
    for (const auto* text : {&types_, &key_, &text_}) out.put_bytes(*text);
}

void Verbatim::restore(base::Decoder& in) {
    in.get(verdict_);
    for (auto* text : {&types_, &key_, &text_}) *text = in.get_bytes();
}

}  // namespace lineage::audit
