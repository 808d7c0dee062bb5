// Pid namespaces. A process in one has a number there besides its pid, and clone tells its caller that number alone.
// The kernel gives the numbers of a namespace out in order (alloc_pid in kernel/pid.c), to processes and threads alike,
// and the connector tells of every birth; so counting them foretells the numbers, and the caller's record finds its
// child by the number that it was told (forks.cpp). A record's own word, and /proc's, correct the count.
//
// Which namespace a process lives in is told by unshare's and clone's flags, and by what setns was given (setns.cpp);
// clone3's flags are in no record. Those namespaces come to light by the numbers that their members are told, or by
// their inode in /proc.
#include <algorithm>
#include <set>

#include "state.hpp"

namespace lineage::tree {

namespace {

/// `life` and everyone below it, with the births of their threads as far as they are known, in order.
std::vector<SpaceBirth> births_below(Life& life, std::vector<Life*>& members) {
    members = {&life};
    std::vector<SpaceBirth> births;
    for (std::size_t i = 0; i < members.size(); ++i) {  // grows while it is walked
        const Life& member = *members[i];
        births.push_back({member.from_ns(), member.process.id});
        for (const ThreadBirth& thread : member.thread_births)
            births.push_back({thread.time_ns, member.process.id, thread.tid});
        for (Life* child = member.first_child; child != nullptr; child = child->next_sibling) members.push_back(child);
    }
    std::stable_sort(births.begin(), births.end(), earlier);
    return births;
}

/// Returns where the first of them now stands.
std::size_t merge_births(std::vector<SpaceBirth>& into, const std::vector<SpaceBirth>& births) {
    const auto from = std::upper_bound(into.begin(), into.end(), births.front(), earlier);
    const auto at = static_cast<std::size_t>(from - into.begin());
    std::vector<SpaceBirth> later(from, into.end());
    into.erase(from, into.end());
    std::merge(births.begin(), births.end(), later.begin(), later.end(), std::back_inserter(into), earlier);
    return at;
}

}  // namespace

std::int32_t Tracker::State::space_for_children(const Life& parent) {
    return parent.children_space != 0 ? parent.children_space : parent.space;
}

Space& Tracker::State::space_of(std::int32_t space) {
    return spaces.at(space);
}

std::int32_t Tracker::State::new_space(std::int32_t outer, model::Pid last) {
    if (spaces.size() >= spaces_max) forget_spaces();
    Space& space = spaces[++last_space];
    space.last = last;
    space.outer = outer;
    return last_space;
}

void Tracker::State::forget_spaces() {
    std::set<std::int32_t> used;
    const auto use = [&](std::int32_t space) {
        for (; space != 0 && used.insert(space).second; space = space_of(space).outer) {
        }
    };
    for (const auto id : population.ids()) {
        use(population.find(id)->space);
        use(population.find(id)->children_space);
        for (const OpenedSpace& opened : population.find(id)->opened)
            if (opened.space > 0) use(opened.space);
    }
    std::erase_if(spaces, [&](const auto& each) { return !used.contains(each.first); });
    spaces_max = std::max<std::size_t>(256, 2 * spaces.size());
}

std::int32_t Tracker::State::space_with(std::uint64_t inode, model::TimeNs time_ns) {
    const auto found = std::find_if(spaces.rbegin(), spaces.rend(),
                                    [&](const auto& each) { return inode != 0 && each.second.inode == inode; });
    if (found == spaces.rend()) return 0;
    // The inode of a namespace that is gone is used again.
    auto& births = found->second.births;
    const bool lives = std::any_of(births.begin(), births.end(), [&](const SpaceBirth& birth) {
        const Life* const life = population.find(birth.life);
        if (life == nullptr || life->space != found->first) return false;
        return life->alive() || life->process.ended->time_ns + clock_slack_ns >= time_ns;
    });
    if (!lives) found->second.inode = 0;
    return lives ? found->first : 0;
}

std::size_t Tracker::State::depth_of(std::int32_t space) const {
    std::size_t depth = 0;
    for (; space != 0; space = spaces.at(space).outer) ++depth;
    return depth;
}

void Tracker::State::take_numbers(std::int32_t space, SpaceBirth birth) {
    constexpr std::size_t births_max = 8192;
    // A process has a number in every namespace from its own out to the initial one.
    for (auto each = space; each != 0; each = space_of(each).outer) {
        Space& at = space_of(each);
        birth.number = at.last == space_uncounted ? 0 : ++at.last;
        if (at.births.size() > births_max) at.births.erase(at.births.begin(), at.births.begin() + births_max / 2);
        at.births.push_back(birth);
        if (Life* const life = population.find(birth.life); each == space && birth.tid == 0) show_number(*life, birth);
    }
}

SpaceBirth* Tracker::State::birth_in(std::int32_t space, const Life& life, model::Pid tid) {
    auto& births = space_of(space).births;
    const auto birth = std::find_if(births.rbegin(), births.rend(), [&](const SpaceBirth& each) {
        return each.life == life.process.id && each.tid == tid;
    });
    return birth == births.rend() ? nullptr : &*birth;
}

void Tracker::State::show_number(Life& life, const SpaceBirth& birth) {
    life.number = birth.number;
    life.number_known = birth.told;
    if (!birth.told) uncertain_numbers.push_back(life.process.id);
    if (birth.number <= 0 || life.process.ns_pid == birth.number) return;
    life.process.ns_pid = birth.number;
    population.touch(life);
}

void Tracker::State::recount(std::int32_t space, std::size_t from, model::Pid before) {
    // A number far off was asked for (clone3's set_tid), which leaves the kernel's count where it was.
    constexpr model::Pid near = 16;
    auto& births = space_of(space).births;
    auto& last = space_of(space).last = before;
    for (auto birth = births.begin() + static_cast<std::ptrdiff_t>(from); birth != births.end(); ++birth) {
        const bool asked_for = birth->told && std::abs(birth->number - (last + 1)) > near;
        if (!asked_for) last = birth->told ? birth->number : last + 1;
        if (birth->told || birth->number == last) continue;
        birth->number = last;
        Life* const life = population.find(birth->life);
        if (life != nullptr && life->space == space && birth->tid == 0) show_number(*life, *birth);
    }
}

void Tracker::State::add_births(std::int32_t space, const std::vector<SpaceBirth>& births) {
    const auto after = static_cast<model::Pid>(space_of(space).births.size());
    const auto from = merge_births(space_of(space).births, births);
    if (const auto last = space_of(space).last; last != space_uncounted)
        recount(space, from, last - (after - static_cast<model::Pid>(from)));
}

void Tracker::State::enter_space(Life& top, std::int32_t space) {
    const auto left = top.space;
    std::vector<Life*> members;
    const auto births = births_below(top, members);
    const auto move = [&](std::int32_t& of) {
        if (of == left)
            of = space;
        else if (of != 0 && of != space && space_of(of).outer == left)  // one inside of this one
            space_of(of).outer = space;
    };
    for (Life* const life : members) {
        move(life->space);
        if (life->children_space != 0) move(life->children_space);
    }
    for (auto each = space; each != 0 && each != left; each = space_of(each).outer) add_births(each, births);
}

void Tracker::State::join_spaces(std::int32_t from, std::int32_t into) {
    for (const auto id : population.ids()) {
        Life& life = *population.find(id);
        if (life.space == from) life.space = into;
        if (life.children_space == from) life.children_space = into;
        for (OpenedSpace& opened : life.opened)
            if (opened.space == from) opened.space = into;
    }
    const auto left = space_of(from).outer;
    for (auto& [_, inner] : spaces)
        if (inner.outer == from) inner.outer = into;
    const auto births = std::move(space_of(from).births);
    spaces.erase(from);
    for (auto each = into; !births.empty() && each != 0 && each != left; each = space_of(each).outer)
        add_births(each, births);
}

Life* Tracker::State::init_of_space(Life& caller, model::TimeNs born_ns, model::Pid number) {
    constexpr std::size_t members_max = 4096;  // a namespace whose every birth is remembered is a small one
    const auto home = caller.space;
    for (Life* life = &caller; life != nullptr && life->space == home && !life->space_known; life = life->parent) {
        std::vector<Life*> members;
        const auto births = births_below(*life, members);
        const auto born = std::count_if(births.begin(), births.end(),
                                        [&](const SpaceBirth& birth) { return birth.time_ns <= born_ns; });
        if (born == number) return life;
        if (born > number || members.size() > members_max) return nullptr;
    }
    return nullptr;
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

void Tracker::State::confirm_number(std::int32_t in, Life& life, model::Pid number, bool sure) {
    Space& space = space_of(in);
    if (birth_in(in, life) == nullptr) merge_births(space.births, {{life.from_ns(), life.process.id}});
    SpaceBirth& birth = *birth_in(in, life);
    const bool foretold = birth.number == number;
    const bool counted = space.last != space_uncounted && birth.number != 0;
    birth.number = number;
    birth.told = true;
    if (life.space == in) show_number(life, birth);
    if (foretold || space.shared || !sure) return;
    const auto at = static_cast<std::size_t>(&birth - space.births.data());
    // What was counted stands where this number was asked for; recount() tells by the distance.
    recount(in, at, counted ? space.last - static_cast<model::Pid>(space.births.size() - at) : number - 1);
}

void Tracker::State::see_space(Life& life, const model::Seen& seen) {
    if (seen.ns_pids.size() == 1) life.space_known = true;
    if (seen.ns_pids.size() > 1) {
        const auto depth = seen.ns_pids.size() - 1;
        const auto number = seen.ns_pids.back();
        const bool init = number == 1;
        const auto known = init ? 0 : space_with(seen.pid_namespace, seen.read_ns);
        const auto identified = life.space == 0 ? 0 : space_of(life.space).inode;
        const bool here = identified != 0 ? identified == seen.pid_namespace : depth_of(life.space) == depth;
        if (!here) {
            auto outer = life.space != 0 || life.parent == nullptr ? life.space : life.parent->space;
            if (depth_of(outer) >= depth) outer = 0;
            enter_space(life, known != 0 ? known : new_space(outer, init ? 0 : space_uncounted));
        } else if (known != 0 && known != life.space) {
            join_spaces(life.space, known);
        }
        space_of(life.space).inode = seen.pid_namespace;
        space_of(life.space).shared = false;
        life.space_known = true;
        confirm_number(life.space, life, number, true);
    }
    const auto for_children = seen.pid_namespace_of_children;
    if (for_children != 0 && for_children != seen.pid_namespace) find_children_space(&life, for_children, seen.read_ns);
}

void Tracker::State::save_spaces(base::Encoder& out) const {
    out.put(last_space);
    out.put(static_cast<std::uint64_t>(spaces_max));
    out.put(static_cast<std::uint32_t>(spaces.size()));
    for (const auto& [number, space] : spaces) {
        out.put(number);
        out.put(space.last);
        out.put(space.outer);
        out.put(space.inode);
        out.put(space.shared);
        out.put(static_cast<std::uint32_t>(space.births.size()));
        for (const SpaceBirth& birth : space.births) {
            out.put(birth.time_ns);
            out.put(birth.life);
            out.put(birth.tid);
            out.put(birth.number);
            out.put(birth.told);
        }
    }
}

void Tracker::State::restore_spaces(base::Decoder& in) {
    in.get(last_space);
    spaces_max = static_cast<std::size_t>(in.get<std::uint64_t>());
    const auto count = in.get<std::uint32_t>();
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
        Space& space = spaces[in.get<std::int32_t>()];
        in.get(space.last);
        in.get(space.outer);
        in.get(space.inode);
        in.get(space.shared);
        const auto births = in.get<std::uint32_t>();
        for (std::uint32_t k = 0; k < births && in.ok(); ++k) {
            auto& birth = space.births.emplace_back();
            in.get(birth.time_ns);
            in.get(birth.life);
            in.get(birth.tid);
            in.get(birth.number);
            in.get(birth.told);
        }
    }
}

}  // namespace lineage::tree
