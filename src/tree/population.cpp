#include "population.hpp"

#include <algorithm>

#include "lineage/base/check.hpp"

namespace lineage::tree {

Life& Population::create(model::BootId boot, model::Pid pid, model::TimeNs from_ns) {
    auto life = std::make_unique<Life>();
    life->process.id = ++last_id;
    life->process.boot = boot;
    life->process.pid = pid;
    life->process.born.time_ns = from_ns;
    ++created;
    return place(std::move(life));
}

Life& Population::take_in(model::Process&& process) {
    CHECK(process.id <= last_id && find(process.id) == nullptr);
    auto life = std::make_unique<Life>();
    life->process = std::move(process);
    return place(std::move(life));
}

Life& Population::place(std::unique_ptr<Life> life) {
    Life& result = *life;
    result.first_seen_ns = result.process.born.time_ns;
    by_id_.emplace(result.process.id, std::move(life));
    insert_by_pid(result);
    touch(result);
    return result;
}

void Population::insert_by_pid(Life& life) {
    auto& lives = by_pid_[life.process.pid];
    auto at = lives.end();
    while (at != lives.begin() && (*std::prev(at))->from_ns() > life.from_ns()) --at;
    lives.insert(at, &life);
}

Life* Population::find(model::Id id) {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : found->second.get();
}

const std::vector<Life*>& Population::lives(model::Pid pid) const {
    static const std::vector<Life*> none;
    const auto found = by_pid_.find(pid);
    return found == by_pid_.end() ? none : found->second;
}

Life* Population::newest(model::Pid pid) const {
    const auto& of_pid = lives(pid);
    return of_pid.empty() ? nullptr : of_pid.back();
}

Life* Population::neighbour(const Life& life, int step) const {
    const auto& of_pid = lives(life.process.pid);
    const auto at = std::find(of_pid.begin(), of_pid.end(), &life) - of_pid.begin() + step;
    return at < 0 || at >= static_cast<std::ptrdiff_t>(of_pid.size()) ? nullptr : of_pid[static_cast<std::size_t>(at)];
}

void Population::reorder(Life& life) {
    std::erase(by_pid_[life.process.pid], &life);
    insert_by_pid(life);
}

void Population::link(Life& child, Life& parent) {
    CHECK(&child != &parent);
    unlink(child);
    child.parent = &parent;
    child.process.parent = parent.process.id;
    child.next_sibling = parent.first_child;
    if (parent.first_child != nullptr) parent.first_child->previous_sibling = &child;
    parent.first_child = &child;
    touch(child);
}

void Population::unlink(Life& life) {
    if (life.previous_sibling != nullptr) life.previous_sibling->next_sibling = life.next_sibling;
    if (life.next_sibling != nullptr) life.next_sibling->previous_sibling = life.previous_sibling;
    if (life.parent != nullptr && life.parent->first_child == &life) life.parent->first_child = life.next_sibling;
    life.parent = life.next_sibling = life.previous_sibling = nullptr;
}

void Population::touch(Life& life) {
    if (life.changed) return;
    life.changed = true;
    changed_.push_back(life.process.id);
}

void Population::touch_image(Life& life, std::int32_t seq) {
    life.images_changed_from = std::min(life.images_changed_from, seq);
    touch(life);
}

void Population::remove(Life& life) {
    if (life.stored) removed_.push_back(life.process.id);
    extract(life);
}

std::unique_ptr<Life> Population::extract(Life& life) {
    unlink(life);
    for (Life* child = life.first_child; child != nullptr;) {
        Life* const next = child->next_sibling;
        child->parent = child->next_sibling = child->previous_sibling = nullptr;
        child = next;
    }
    const auto of_pid = by_pid_.find(life.process.pid);
    std::erase(of_pid->second, &life);
    if (of_pid->second.empty()) by_pid_.erase(of_pid);
    const auto found = by_id_.find(life.process.id);
    auto owned = std::move(found->second);
    by_id_.erase(found);
    return owned;
}

void Population::depart(Life& life) {
    auto owned = extract(life);
    if (owned->changed && !owned->phantom) departing_.push_back(std::move(owned));
}

void Population::bury(Life& life) {
    dead_.push_back(life.process.id);
}

void Population::forget(model::TimeNs horizon_ns) {
    while (!dead_.empty()) {
        Life* const life = find(dead_.front());
        const bool gone = life == nullptr;
        const bool revived = !gone && life->alive() && !life->phantom;
        if (!gone && !revived) {
            const auto end_ns = life->alive() ? life->first_seen_ns : life->process.ended->time_ns;
            if (dead_.size() <= dead_max && end_ns >= horizon_ns) return;
            depart(*life);
        }
        dead_.pop_front();
    }
}

void Population::clear() {
    for (const auto id : ids()) depart(*by_id_.at(id));
    dead_.clear();
}

std::vector<model::Id> Population::ids() const {
    std::vector<model::Id> result;
    result.reserve(by_id_.size());
    for (const auto& [id, life] : by_id_) result.push_back(id);
    std::sort(result.begin(), result.end());
    return result;
}

void Population::take_changed(const std::function<void(Life&)>& visit) {
    std::vector<Life*> lives;
    for (const auto id : changed_)
        if (Life* life = find(id)) lives.push_back(life);
    for (const auto& life : departing_) lives.push_back(life.get());
    std::sort(lives.begin(), lives.end(), [](const Life* a, const Life* b) { return a->process.id < b->process.id; });
    for (Life* life : lives) {
        visit(*life);
        life->changed = false;
    }
    changed_.clear();
    departing_.clear();
}

std::vector<model::Id> Population::take_removed() {
    std::vector<model::Id> result;
    result.swap(removed_);
    std::sort(result.begin(), result.end());
    return result;
}

void Population::save(base::Encoder& out) const {
    CHECK(changes() == 0);  // a checkpoint is taken right after a commit
    out.put(last_id);
    out.put(created);
    const auto all = ids();
    out.put(static_cast<std::uint32_t>(all.size()));
    for (const auto id : all) tree::save(*by_id_.at(id), out);
    // Siblings and lives of a pid are ordered lists: their order is part of the state.
    for (const auto id : all) {
        const Life& life = *by_id_.at(id);
        out.put(life.next_sibling == nullptr ? model::Id{0} : life.next_sibling->process.id);
        out.put(life.first_child == nullptr ? model::Id{0} : life.first_child->process.id);
    }
    out.put(static_cast<std::uint32_t>(by_pid_.size()));
    for (const auto& [pid, of_pid] : by_pid_) {
        out.put(pid);
        out.put(static_cast<std::uint32_t>(of_pid.size()));
        for (const Life* life : of_pid) out.put(life->process.id);
    }
    out.put(static_cast<std::uint32_t>(dead_.size()));
    for (const auto id : dead_) out.put(id);
}

void Population::restore(base::Decoder& in) {
    *this = Population{};
    in.get(last_id);
    in.get(created);
    const auto size = in.get<std::uint32_t>();
    std::vector<Life*> order;
    for (std::uint32_t i = 0; i < size && in.ok(); ++i) {
        auto life = std::make_unique<Life>();
        tree::restore(*life, in);
        const auto [at, is_new] = by_id_.try_emplace(life->process.id, std::move(life));
        if (!is_new) return in.refuse();
        order.push_back(at->second.get());
    }
    for (Life* life : order) {
        life->next_sibling = find(in.get<model::Id>());
        if (life->next_sibling != nullptr) life->next_sibling->previous_sibling = life;
        life->first_child = find(in.get<model::Id>());
    }
    for (Life* life : order)
        for (Life* child = life->first_child; child != nullptr; child = child->next_sibling) {
            if (child->parent != nullptr) return in.refuse();  // of two parents, or a list that bites its tail
            child->parent = life;
        }
    const auto pids = in.get<std::uint32_t>();
    for (std::uint32_t i = 0; i < pids && in.ok(); ++i) {
        auto& of_pid = by_pid_[in.get<model::Pid>()];
        const auto count = in.get<std::uint32_t>();
        for (std::uint32_t k = 0; k < count && in.ok(); ++k)
            if (Life* life = find(in.get<model::Id>())) of_pid.push_back(life);
    }
    const auto dead = in.get<std::uint32_t>();
    for (std::uint32_t k = 0; k < dead && in.ok(); ++k) dead_.push_back(in.get<model::Id>());
}

}  // namespace lineage::tree
