// Which pid namespace setns was given. Its record tells the number of a file descriptor; the record of the open before
// tells the namespace's inode, and mostly whose it is (/proc/PID/ns/pid). So a namespace that clone3 made unseen comes
// to light, too.
#include <algorithm>

#include "lineage/model/namespaces.hpp"
#include "state.hpp"

namespace lineage::tree {

namespace {

constexpr std::size_t opened_max = 16;

}  // namespace

void Tracker::State::on(model::AuditNamespaceOpened&& opened) {
    using Kind = model::AuditNamespaceOpened::Kind;
    Life& opener = life_of(opened.task);
    state(opener, opened.task);
    const auto time_ns = opened.task.time_ns;
    std::int32_t space = no_space;
    if (opened.kind == Kind::unknown) {
        space = opened.inode == model::initial_pid_namespace ? 0 : space_with(opened.inode, time_ns);
        if (space == 0 && opened.inode != model::initial_pid_namespace)
            return;  // a file elsewhere, of a namespace of any kind
    } else if (opened.kind != Kind::other) {
        Life* const of = named_to(opener, opened.of, time_ns);
        space = opened.kind == Kind::pid ? find_space(of, opened.inode, time_ns, opener.space)
                                         : find_children_space(of, opened.inode, time_ns);
    }
    if (opener.opened.size() == opened_max) opener.opened.erase(opener.opened.begin());
    opener.opened.push_back({time_ns, opened.fd, space});
}

Life* Tracker::State::named_to(const Life& opener, model::Pid name, model::TimeNs time_ns) {
    if (name <= 0) return nullptr;
    const auto is_inside = [&](const Life& life) {
        auto space = life.space;
        while (space != 0 && space != opener.space) space = space_of(space).outer;
        return space == opener.space;
    };
    Life* const by_pid = life_at(name, time_ns);
    if (by_pid != nullptr && is_inside(*by_pid)) return by_pid;
    if (opener.space == 0) return nullptr;
    // A /proc of its own namespace numbers them as that does.
    const auto& births = space_of(opener.space).births;
    const auto birth = std::find_if(births.rbegin(), births.rend(), [&](const SpaceBirth& each) {
        return each.number == name && each.tid == 0 && each.time_ns <= time_ns + tick_ns;
    });
    return birth == births.rend() ? nullptr : population.find(birth->life);
}

std::int32_t Tracker::State::find_space(Life* of, std::uint64_t inode, model::TimeNs time_ns, std::int32_t from) {
    if (inode == model::initial_pid_namespace) {
        if (of != nullptr && of->space == 0) of->space_known = true;
        return 0;
    }
    auto space = space_with(inode, time_ns);
    if (of == nullptr) return space != 0 ? space : new_space_of(inode);
    const auto identified = of->space == 0 ? model::initial_pid_namespace : space_of(of->space).inode;
    if (identified == inode) return of->space;
    // Nobody asks for the one that they live in.
    const bool another = identified != 0 || (of->space == from && !of->space_known);
    if (!another && space != 0) {
        join_spaces(of->space, space);
    } else if (!another) {
        space = of->space;
    } else if (space != 0) {
        enter_space(*of, space);
    } else {
        Life& init = made_unseen(*of);
        space = new_space(init.space, 0);
        enter_space(init, space);
        init.space_known = true;
    }
    space_of(space).inode = inode;
    space_of(space).shared = false;
    of->space_known = true;
    return space;
}

Life& Tracker::State::made_unseen(Life& member) {
    Life* life = &member;
    const auto by_flags = [](const Life& one) { return one.claimed() && one.process.born.how != model::How::clone3; };
    while (by_flags(*life) && life->parent != nullptr && life->parent->space == member.space &&
           life->parent->children_space == 0 && life->parent->process.pid > 2)
        life = life->parent;
    return by_flags(*life) ? member : *life;
}

std::int32_t Tracker::State::find_children_space(Life* of, std::uint64_t inode, model::TimeNs time_ns) {
    if (inode == model::initial_pid_namespace) return 0;
    const auto known = space_with(inode, time_ns);
    if (of == nullptr) return known != 0 ? known : new_space_of(inode);
    if (of->children_space == 0) {
        of->children_space = known != 0 ? known : new_space(of->space, space_uncounted);
    } else if (known != 0 && known != of->children_space) {
        join_spaces(of->children_space, known);
    }
    space_of(of->children_space).inode = inode;
    space_of(of->children_space).shared = false;
    return of->children_space;
}

std::int32_t Tracker::State::new_space_of(std::uint64_t inode) {
    const auto space = new_space(0, space_uncounted);
    space_of(space).inode = inode;
    return space;
}

std::optional<std::int32_t> Tracker::State::space_behind(const Life& life, std::int32_t fd) const {
    // A child has what its parent had opened before.
    auto until_ns = INT64_MAX;
    for (const Life* holder = &life; holder != nullptr; until_ns = holder->from_ns(), holder = holder->parent)
        for (auto opened = holder->opened.rbegin(); opened != holder->opened.rend(); ++opened) {
            if (opened->fd != fd || opened->time_ns > until_ns) continue;
            if (opened->space > 0 && spaces.count(opened->space) == 0) return std::nullopt;
            return opened->space;
        }
    return std::nullopt;
}

void Tracker::State::bear_children_elsewhere(Life& life, const model::AuditStatement& statement) {
    std::optional<std::int32_t> space;
    if (statement.joined_pid_namespace) space = space_behind(life, statement.fd);
    if (space == no_space) return;  // it joined one of another kind
    if (!space) {
        space = new_space(life.space, statement.joined_pid_namespace ? space_uncounted : 0);
        space_of(*space).shared = statement.joined_pid_namespace;
    }
    life.children_space = *space == life.space ? 0 : *space;
    for (Life* child = life.first_child; child != nullptr; child = child->next_sibling)
        if (child->from_ns() >= statement.task.time_ns && child->space == life.space && *space != life.space)
            enter_space(*child, *space);
    ask(life.process.pid);
}

}  // namespace lineage::tree
