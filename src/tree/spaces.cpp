// Pid namespaces. A process in one has a number there besides its pid, and clone tells its caller that number alone.
// The kernel gives the numbers of a namespace out in order (alloc_pid in kernel/pid.c), to processes and threads alike,
// and the connector tells of every birth; so counting them foretells the numbers, and the caller's record finds its
// child by the number that it was told. A record's own word, and /proc's, correct the count.
#include <algorithm>

#include "state.hpp"

namespace lineage::tree {

namespace {

struct Numbered {
    model::TimeNs time_ns;
    Life* life;           ///< the process, or the one whose thread it is
    ThreadBirth* thread;  ///< nullptr for a process
};

/// Every birth among `roots` and what descends from them, as far as it is known, in order.
std::vector<Numbered> births_below(const std::vector<Life*>& roots) {
    std::vector<Life*> members = roots;
    std::vector<Numbered> births;
    for (std::size_t i = 0; i < members.size(); ++i) {  // grows while it is walked
        Life& life = *members[i];
        births.push_back({life.from_ns(), &life, nullptr});
        for (ThreadBirth& thread : life.thread_births) births.push_back({thread.time_ns, &life, &thread});
        for (Life* child = life.first_child; child != nullptr; child = child->next_sibling) members.push_back(child);
    }
    std::stable_sort(births.begin(), births.end(),
                     [](const Numbered& a, const Numbered& b) { return a.time_ns < b.time_ns; });
    return births;
}

}  // namespace

std::int32_t Tracker::State::space_for_children(const Life& parent) {
    return parent.children_space != 0 ? parent.children_space : parent.space;
}

Space& Tracker::State::space_of(std::int32_t space) {
    return spaces[static_cast<std::size_t>(space - 1)];
}

std::int32_t Tracker::State::new_space(std::int32_t outer) {
    spaces.push_back({0, outer});
    return static_cast<std::int32_t>(spaces.size());
}

model::Pid Tracker::State::take_number(std::int32_t space) {
    auto& last = space_of(space).last;
    return last == space_uncounted ? 0 : ++last;
}

model::Pid Tracker::State::take_numbers(std::int32_t space) {
    // A process has a number in every namespace from its own out to the initial one.
    for (auto outer = space_of(space).outer; outer != 0; outer = space_of(outer).outer) take_number(outer);
    return take_number(space);
}

void Tracker::State::set_number(Life& life, model::Pid number) {
    life.number = number;
    if (!life.number_known) uncertain_numbers.push_back(life.process.id);
    if (number <= 0 || life.process.ns_pid == number) return;
    life.process.ns_pid = number;
    population.touch(life);
}

Life& Tracker::State::init_of_space(Life& caller, model::TimeNs born_ns, model::Pid number) {
    for (Life* life = &caller; life != nullptr && life->space == 0 && !life->space_known; life = life->parent) {
        const auto births = births_below({life});
        const auto born = std::count_if(births.begin(), births.end(),
                                        [&](const Numbered& birth) { return birth.time_ns <= born_ns; });
        if (born == number) return *life;
    }
    return caller;
}

void Tracker::State::enter_space(const std::vector<Life*>& roots, std::int32_t space) {
    const auto outer = space_of(space).outer;
    for (const Numbered& birth : births_below(roots)) {
        Life& life = *birth.life;
        if (life.space != outer && life.space != space) {  // in one inside of this one
            if (space_of(life.space).outer == outer) space_of(life.space).outer = space;
            take_number(space);
            continue;
        }
        life.space = space;
        const bool told = birth.thread == nullptr && life.number_known && space_of(space).last != space_uncounted;
        if (told) space_of(space).last = life.number - 1;
        const auto number = take_number(space);
        if (birth.thread != nullptr)
            birth.thread->number = number;
        else if (!life.number_known)
            set_number(life, number);
    }
}

void Tracker::State::ask_for_numbers() {
    constexpr model::TimeNs patience_ns = 100'000'000;
    while (!uncertain_numbers.empty()) {
        const Life* const life = population.find(uncertain_numbers.front());
        const bool open = life != nullptr && life->alive() && !life->number_known;
        if (open && life->from_ns() + patience_ns > newest_ns) return;
        if (open) ask(life->process.pid);
        uncertain_numbers.pop_front();
    }
}

void Tracker::State::confirm_number(Life& life, model::Pid number) {
    const auto foretold = life.number;
    life.number_known = true;
    set_number(life, number);
    if (foretold == number || life.space == 0) return;
    auto& last = space_of(life.space).last;
    // A number far off was asked for (clone3's set_tid), which leaves the kernel's count where it was.
    constexpr model::Pid near = 16;
    const bool asked_for = foretold != 0 && std::abs(number - foretold) > near;
    if (foretold == 0 || last == space_uncounted) {
        last = std::max(last, number);
        return;
    }
    const model::Pid shift = asked_for ? -1 : number - foretold;
    last += shift;
    for (const auto id : population.ids()) {
        Life& other = *population.find(id);
        if (other.space != life.space || &other == &life || other.from_ns() <= life.from_ns()) continue;
        if (!other.number_known && other.number > 0) set_number(other, other.number + shift);
        for (ThreadBirth& thread : other.thread_births)
            if (thread.number > 0) thread.number += shift;
    }
}

}  // namespace lineage::tree
