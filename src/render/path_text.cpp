// `show`'s answer: a table of the path from pid 0 down, and under each process what there is to say about it.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "escape.hpp"
#include "line.hpp"
#include "times.hpp"
#include "words.hpp"

namespace lineage::render {
namespace {

using Cells = std::array<std::string, 4>;  // pid, user, login, started

constexpr int gutter = 2;
constexpr int label_columns = 10;
constexpr std::size_t attempts_shown = 8;  // of a process

struct Field {
    const char* name;
    std::uint32_t model::Credentials::*member;
    bool is_user;
};
constexpr Field identity[] = {{"user", &model::Credentials::uid, true},
                              {"effective", &model::Credentials::euid, true},
                              {"group", &model::Credentials::gid, false},
                              {"login", &model::Credentials::auid, true}};

class PathText {
public:
    PathText(const model::Path& path, const Style& style, std::string& out) : path_(path), style_(style), out_(out) {}

    void write() {
        measure();
        put_row({"PID", "USER", "LOGIN", "STARTED"}, "COMMAND", Ink::strong, Ink::strong);
        const model::Node* parent = nullptr;
        for (auto node = path_.ancestors.rbegin(); node != path_.ancestors.rend(); parent = &*node++)
            put_block(*node, parent);
        put_block(path_.process, parent);
        for (const auto& gap : path_.gaps) put_gap(gap);
        for (const auto& tamper : path_.tampering) put_tamper(tamper);
    }

private:
    Cells cells_of(const model::Process& process) const {
        return {fmt::format("{}", process.pid), user_words(process.credentials.uid, style_),
                user_words(process.credentials.auid, style_), time_text(process.born.time_ns, style_.utc)};
    }

    void measure() {
        const auto widen = [&](const Cells& cells) {
            for (std::size_t i = 0; i < cells.size(); ++i) widths_[i] = std::max(widths_[i], columns(cells[i]));
        };
        widen({"PID", "USER", "LOGIN", "STARTED"});
        for (const auto& node : path_.ancestors) widen(cells_of(node.process));
        widen(cells_of(path_.process.process));
        indent_ = widths_[0] + gutter;
    }

    void put_row(const Cells& cells, const std::string& command, Ink pid_ink, Ink command_ink) {
        Line line(style_, out_);
        line.to(widths_[0] - columns(cells[0]));
        line.put(cells[0], pid_ink);
        int column = indent_;
        for (std::size_t i = 1; i < cells.size(); ++i) {
            line.to(column);
            line.put(cells[i], pid_ink == command_ink ? pid_ink : Ink::plain);
            column += widths_[i] + gutter;
        }
        line.to(column);
        line.put(command, command_ink);
        line.end();
    }

    void put_detail(std::string_view label, const std::string& words, Ink ink = Ink::plain) {
        Line line(style_, out_);
        line.to(indent_);
        line.put(label, Ink::faint);
        line.to(indent_ + label_columns);
        line.put(words, ink);
        line.end();
    }

    void put_block(const model::Node& node, const model::Node* parent) {
        const auto& process = node.process;
        put_row(cells_of(process), command_words(node, 0), process.ended ? Ink::faint : Ink::good, Ink::strong);
        put_birth(process, parent);
        put_images(node, parent);
        put_attempts(node.attempts);
        if (node.records) put_records(*node.records);
        if (process.ended) put_end(process);
        if (const char* const why = model::text_of(process.inferred)) put_detail("inferred", why, Ink::odd);
    }

    void put_birth(const model::Process& process, const model::Node* parent) {
        auto words =
            fmt::format("{}, seen by {}", model::name_of(process.born.how), witness_words(process.born.witnesses));
        if (process.born.serial != 0) words += fmt::format(", event {}", process.born.serial);
        words += fmt::format(", id @{}", process.id);
        put_detail("born", words);
        if (process.ns_pid) put_detail("ns pid", fmt::format("{} in its own pid namespace", *process.ns_pid));
        if (parent != nullptr && process.ppid != parent->process.pid) {
            put_detail("ppid", fmt::format("{}, but created by {}", process.ppid, parent->process.pid), Ink::warn);
        }
    }

    /// Each image where there are several, and between them whatever made it someone else.
    void put_images(const model::Node& node, const model::Node* parent) {
        const model::Credentials* known = parent == nullptr ? nullptr : identity_at(*parent, node.process.born.time_ns);
        for (const auto& image : node.images) {
            const bool of_parent = parent != nullptr && &image == &node.images.front();
            put_changes(known, image.credentials, of_parent ? &parent->process.credentials : nullptr, image.time_ns);
            known = &image.credentials;
            if (node.images.size() > 1) put_image(image);
        }
        const bool of_parent = parent != nullptr && node.images.empty();
        put_changes(known, node.process.credentials, of_parent ? &parent->process.credentials : nullptr, 0);
        if (node.images.size() == 1 && !node.images.front().script.empty()) {
            put_detail("script", escape_for_terminal(node.images.front().script));
        }
        if (!node.current.cwd.empty()) put_detail("cwd", escape_for_terminal(node.current.cwd));
    }

    void put_image(const model::Image& image) {
        auto words = fmt::format("{}  {}", time_text(image.time_ns, style_.utc), command_words(image, 0));
        if (!image.script.empty()) words += "  (script " + escape_for_terminal(image.script) + ")";
        put_detail("image", words);
    }

    void put_attempts(const std::vector<model::Attempt>& attempts) {
        for (auto at = attempts.size() - std::min(attempts.size(), attempts_shown); at < attempts.size(); ++at) {
            const auto& attempt = attempts[at];
            const bool is_first = at + attempts_shown <= attempts.size();
            if (is_first && attempt.seq > 0) put_detail("attempts", fmt::format("{} earlier", attempt.seq));
            auto words =
                fmt::format("{}  {}  {}", time_text(attempt.time_ns, style_.utc),
                            attempt.path.empty() ? "?" : escape_for_terminal(attempt.path), error_words(attempt.error));
            const bool is_relative = !attempt.path.empty() && attempt.path.front() != '/';
            if (is_relative && !attempt.cwd.empty()) words += ", in " + escape_for_terminal(attempt.cwd);
            put_detail("attempt", words, Ink::warn);
        }
    }

    /// As they came: this is what somebody else's tools would show.
    void put_records(const std::vector<model::KeptEvent>& events) {
        for (const auto& event : events) {
            std::string_view rest = event.text;
            while (!rest.empty()) {
                const auto line = rest.substr(0, rest.find('\n'));
                put_detail(rest.data() == event.text.data() ? "record" : "", escape_for_terminal(line));
                rest.remove_prefix(std::min(rest.size(), line.size() + 1));
            }
        }
    }

    /// Who the parent was when the child was born, as far as its images tell.
    static const model::Credentials* identity_at(const model::Node& node, model::TimeNs time_ns) {
        const model::Credentials* known = &node.process.credentials;
        for (const auto& image : node.images) {
            if (image.time_ns <= time_ns) known = &image.credentials;
        }
        return known;
    }

    /// A parent that changed after its last exec has `as_well` too: what equals either of the two is no change.
    void put_changes(const model::Credentials* before, const model::Credentials& after,
                     const model::Credentials* as_well, model::TimeNs time_ns) {
        if (before == nullptr || before->uid == model::unset_uid) return;  // nothing is known of who it was
        for (const auto& field : identity) {
            const auto old_id = before->*field.member;
            const auto new_id = after.*field.member;
            if (new_id == old_id || new_id == model::unset_uid) continue;
            if (as_well != nullptr && as_well->*field.member == new_id) continue;
            const auto words = [&](std::uint32_t id) {
                return field.is_user || id == model::unset_uid ? user_words(id, style_) : fmt::format("{}", id);
            };
            put_detail(field.name,
                       fmt::format("{} -> {}{}", words(old_id), words(new_id),
                                   time_ns == 0 ? "" : ", by " + time_text(time_ns, style_.utc)),
                       Ink::warn);
        }
    }

    void put_end(const model::Process& process) {
        auto words = fmt::format("{}  {}", time_text(process.ended->time_ns, style_.utc), end_words(process));
        if (process.born.time_ns != 0 && process.ended->time_ns >= process.born.time_ns) {
            words += ", after " + duration_text(process.born.time_ns, process.ended->time_ns);
        }
        if (process.ended->by != 0) words += ", from " + sender_words(process);
        put_detail("ended", words, process.ended->signal ? Ink::bad : Ink::plain);
    }

    std::string sender_words(const model::Process& process) const {
        if (process.ended->by == process.id) return "itself";
        const auto found = path_.senders.find(process.ended->by);
        if (found == path_.senders.end()) return fmt::format("@{}", process.ended->by);
        const auto& sender = found->second;
        return fmt::format("pid {} ({}, {}), id @{}", sender.pid, escape_for_terminal(sender.comm),
                           user_words(sender.credentials.uid, style_), sender.id);
    }

    void put_gap(const model::Gap& gap) {
        Line line(style_, out_);
        line.put(gap_words(gap, style_), Ink::warn);
        line.end();
    }

    void put_tamper(const model::Tamper& tamper) {
        const auto found = path_.culprits.find(tamper.by);
        Line line(style_, out_);
        line.put(tamper_words(tamper, found == path_.culprits.end() ? nullptr : &found->second, style_), Ink::bad);
        line.end();
    }

    const model::Path& path_;
    const Style& style_;
    std::string& out_;
    std::array<int, 4> widths_{};
    int indent_ = 0;
};

}  // namespace

void path_text(const model::Path& path, const Style& style, std::string& out) {
    PathText(path, style, out).write();
}

}  // namespace lineage::render
