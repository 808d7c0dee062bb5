// Attempts: what an execve that failed was after.
#include <algorithm>
#include <cerrno>
#include <string_view>

#include "state.hpp"

namespace lineage::tree {

namespace {

std::string_view last_name(std::string_view path) {
    return path.substr(path.rfind('/') + 1);
}

/// Has it only found that there is no such file there? EACCES, by which execvp goes on as well, says that there is one.
bool found_nothing(const model::Attempt& attempt) {
    return attempt.error == ENOENT || attempt.error == ENOTDIR;
}

void append(Life& life, model::Attempt&& attempt) {
    attempt.seq = life.attempts.empty() ? 0 : life.attempts.back().seq + 1;
    if (life.attempts.size() == model::attempts_max) life.attempts.erase(life.attempts.begin());
    life.attempts.push_back(std::move(attempt));
    life.attempts_changed = true;
}

}  // namespace

void Tracker::State::add_attempt(Life& life, model::AuditExec&& failed) {
    model::Attempt attempt;
    attempt.time_ns = failed.task.time_ns;
    attempt.serial = failed.task.serial;
    attempt.path = std::move(failed.path);
    attempt.error = failed.error;
    attempt.cwd = std::move(failed.cwd);
    append(life, std::move(attempt));
    population.touch(life);
}

void Tracker::State::drop_search(Life& life, const std::string& path, std::int64_t serial) {
    if (life.attempts.empty()) return;
    std::int64_t began_serial = 0;  // what was tried before an earlier image is another story
    for (const model::Image& image : life.images)
        if (image.serial < serial) began_serial = std::max(began_serial, image.serial);
    while (!life.attempts.empty()) {
        const model::Attempt& last = life.attempts.back();
        const bool of_search = last.serial > began_serial && last.serial < serial && found_nothing(last) &&
                               last.path != path && last_name(last.path) == last_name(path);
        if (!of_search) return;
        life.attempts.pop_back();
        life.attempts_changed = true;
        population.touch(life);
    }
}

void Tracker::State::move_attempts(Life& from, Life& to, model::TimeNs since_ns) {
    const auto first = std::find_if(from.attempts.begin(), from.attempts.end(),
                                    [&](const model::Attempt& attempt) { return attempt.time_ns >= since_ns; });
    if (first == from.attempts.end()) return;
    for (auto attempt = first; attempt != from.attempts.end(); ++attempt) append(to, std::move(*attempt));
    from.attempts.erase(first, from.attempts.end());
    from.attempts_changed = true;
}

}  // namespace lineage::tree
