// Which birth a fork record tells of, and what it tells of the child: creation parent, user, image, namespace.
//
// Outside of pid namespaces the caller is told its child's pid, and that is that. Inside, it is told a number, which
// spaces.cpp foretells by counting. Where it cannot, the record waits until everyone concerned has spoken; then the
// order decides, because numbers ascend with births. CLONE_PARENT makes it necessary: the connector shows such a child
// below the caller's parent, and of clone3 no witness shows the flags.
#include <sched.h>

#include <algorithm>

#include "state.hpp"

namespace lineage::tree {

namespace {

constexpr std::size_t nameless_max = 256;
constexpr std::size_t waiting_max = 4096;
/// A pid below is not given out again (RESERVED_PIDS in kernel/pid.c).
constexpr model::Pid reserved_pids = 300;
/// How long a record waits for those of others, in audit's own time: a call takes long only in vfork, which bears one.
constexpr model::TimeNs waiting_ns = 300'000'000;

bool is_by_clone3(const Life& life) {
    return life.claimed() && life.process.born.how == model::How::clone3;
}

bool has_flag(const model::AuditFork& fork, std::uint64_t flag) {
    return fork.flags && (*fork.flags & flag) != 0;
}

/// The last fact that the caller's records told before this one.
model::TimeNs fact_before_ns(const Life& caller, std::int64_t serial) {
    auto before_ns = caller.from_ns();
    for (const Life* child = caller.first_child; child != nullptr; child = child->next_sibling)
        if (child->process.born.serial != 0 && child->process.born.serial < serial)
            before_ns = std::max(before_ns, child->from_ns());
    return before_ns;
}

/// The first fact after `since_ns` that the caller's records told after this one, or have yet to tell.
model::TimeNs next_fact_ns(const Life& caller, std::int64_t serial, model::TimeNs since_ns) {
    auto next_ns = caller.alive() ? std::numeric_limits<model::TimeNs>::max() : caller.process.ended->time_ns;
    for (const model::Image& image : caller.images) {
        const bool later = !has(image.witnesses, model::Witness::audit) || image.serial > serial;
        if (later && image.time_ns > since_ns) next_ns = std::min(next_ns, image.time_ns);
    }
    for (const Life* child = caller.first_child; child != nullptr; child = child->next_sibling)
        if (child->process.born.serial > serial && child->from_ns() > since_ns)
            next_ns = std::min(next_ns, child->from_ns() - 1);
    return next_ns;
}

}  // namespace

bool Tracker::State::lives_meanwhile(const model::AuditFork& fork) const {
    const Life* const life = population.newest(fork.returned);
    if (fork.returned <= 2 || fork.returned == fork.task.pid || fork.returned == fork.task.ppid) return true;
    // The end of a kernel thread is no system call.
    return fork.returned < reserved_pids && life != nullptr && life->alive() && life->process.kernel_thread;
}

void Tracker::State::on(model::AuditFork&& fork) {
    Life& caller = life_of(fork.task, [&](const Life& life) {
        const auto until_ns = life.alive() ? INT64_MAX : life.process.ended->time_ns;
        for (const Life* child : population.lives(fork.returned))
            if (!child->claimed() && not_before(child->from_ns(), fork.task.time_ns))
                return life.from_ns() <= child->from_ns() && child->from_ns() <= until_ns;
        return true;
    });
    state(caller, fork.task);
    if (has_flag(fork, CLONE_THREAD)) return;
    const auto time_ns = fork.task.time_ns;
    const bool covered = connector_covers(time_ns);
    Birth birth = caller.space == 0 ? birth_by_pid(caller, fork, covered) : birth_by_number(caller, fork);
    const bool others_wait = caller.space != 0 && !waiting_in(caller.space).empty();
    if (birth.none() && covered && !others_wait && !caller.space_known) {
        reveal_space(caller, fork, candidates(caller, fork, caller.exact_ns, true));
        if (caller.space != 0) birth = birth_by_number(caller, fork);
    } else if (birth.none() && caller.space == 0 && !covered && lives_meanwhile(fork)) {
        enter_space(caller, new_space(0, 0));  // nobody else gets that pid, so it is another namespace's number
        ask(caller.process.pid);
    }
    if (!birth.none() && !others_wait) {
        caller.space_known = caller.space_known || covered;
        return take_birth(caller, fork, birth);
    }
    if (covered && caller.space == 0) return;
    if (caller.space != 0) {
        if (covered && waiting_forks.size() < waiting_max)
            waiting_forks.push_back({std::move(fork), caller.process.id, caller.exact_ns});
        else if (caller.nameless.size() < nameless_max)
            wait_for_name(caller, std::move(fork));
        return;
    }
    Life& child = begin_life(fork.returned, time_ns);
    const bool told = !child.images.empty() || !child.alive() || child.first_child != nullptr;
    if (fork.how == model::How::clone3 && !told) {
        child.phantom = true;
        ++caller.possible_threads;
        population.bury(child);
    }
    claim(child, caller, fork);
    end_if_overlooked(child);
}

Tracker::State::Birth Tracker::State::birth_by_pid(Life& caller, const model::AuditFork& fork, bool covered) {
    const auto time_ns = fork.task.time_ns;
    Birth birth;
    const auto fits = [&](const Life& life) {
        if (life.claimed() || &life == &caller) return false;
        const auto from_ns = life.from_ns();
        if (has(life.process.born.witnesses, model::Witness::connector)) {
            // With CLONE_PARENT the kernel's parent is the caller's, of which there may have been several.
            const auto parent = life.kernel_parent;
            const bool related = parent == caller.process.pid || parent == fork.task.ppid ||
                                 parent == caller.process.ppid || parent == caller.kernel_parent;
            return related && not_before(from_ns, time_ns);
        }
        if (life.birth_known()) {
            // A record from before the recorder's start, of one whom its /proc snapshot then showed.
            const bool of_caller = life.process.ppid == caller.process.pid;
            return time_ns - from_ns <= start_time_step_ns + tick_ns &&
                   from_ns - time_ns <= start_time_step_ns + (of_caller ? late_tick_ns : tick_ns);
        }
        return !covered && from_ns >= time_ns;
    };
    const auto& lives = population.lives(fork.returned);
    const auto child = std::find_if(lives.begin(), lives.end(), [&](const Life* life) { return fits(*life); });
    if (child != lives.end()) birth = {*child, 0, (*child)->from_ns(), 0};
    if (fork.how != model::How::clone3) return birth;
    for (const ThreadBirth& thread : caller.thread_births) {
        if (thread.tid != fork.returned || !not_before(thread.time_ns, time_ns)) continue;
        if (birth.none() || thread.time_ns < birth.born_ns) return {nullptr, thread.tid, thread.time_ns, 0};
        break;
    }
    return birth;
}

std::vector<Tracker::State::Birth> Tracker::State::candidates(Life& caller, const model::AuditFork& fork,
                                                              model::TimeNs since_ns, bool covered) {
    const auto time_ns = fork.task.time_ns;
    const bool single = caller.tids.size() <= 1;
    const auto told_ns = std::max(since_ns, fact_before_ns(caller, fork.task.serial));
    const auto from_ns = std::max(time_ns - clock_slack_ns, single ? told_ns : 0);
    const auto until_ns = single ? next_fact_ns(caller, fork.task.serial, from_ns) : INT64_MAX;
    std::vector<Birth> births;
    const auto consider = [&](Birth birth, const Life& life) {
        if (birth.born_ns < from_ns || birth.born_ns > until_ns) return;
        if (caller.space != 0)
            if (const SpaceBirth* const known = birth_in(caller.space, life, birth.tid)) birth.number = known->number;
        births.push_back(birth);
    };
    const auto consider_children = [&](const Life& parent) {
        for (Life* child = parent.first_child; child != nullptr; child = child->next_sibling) {
            if (child->from_ns() + 1'000'000'000 < time_ns) break;  // newest first
            if (child->claimed() || child == &caller) continue;
            if (covered && !has(child->process.born.witnesses, model::Witness::connector)) continue;
            consider({child, 0, child->from_ns(), 0}, *child);
        }
    };
    const bool by_parent = has_flag(fork, CLONE_PARENT);
    const bool clone3 = fork.how == model::How::clone3;
    if (!by_parent) consider_children(caller);
    for (const ThreadBirth& thread : caller.thread_births)
        if (clone3) consider({nullptr, thread.tid, thread.time_ns, 0}, caller);
    if (by_parent || (clone3 && covered))
        if (const Life* const kernel_parent = life_at(fork.task.ppid, time_ns)) consider_children(*kernel_parent);
    std::sort(births.begin(), births.end(), [](const Birth& a, const Birth& b) { return a.born_ns < b.born_ns; });
    return births;
}

Tracker::State::Birth Tracker::State::birth_by_number(Life& caller, const model::AuditFork& fork) {
    const bool covered = connector_covers(fork.task.time_ns);
    const auto births = candidates(caller, fork, caller.exact_ns, covered);
    for (const Birth& birth : births)
        if (birth.number == fork.returned) return birth;
    // With audit alone a birth is known by the child's own records, and numbers are not foretold.
    return births.empty() || covered ? Birth{} : births.front();
}

void Tracker::State::reveal_space(Life& caller, const model::AuditFork& fork, const std::vector<Birth>& births) {
    if (caller.space != 0 && space_of(caller.space).last == space_uncounted) return;  // any number may be from there
    if (!births.empty()) {
        if (Life* const init = init_of_space(caller, births.front().born_ns, fork.returned)) {
            enter_space(*init, new_space(caller.space, 0));
            return ask(init->process.pid);
        }
    }
    if (caller.space != 0) return;
    // clone3 made the namespace unseen, and this one asked for a number of its own choice (set_tid).
    if (Life& init = made_unseen(caller); fork.how == model::How::clone3 && is_by_clone3(init)) {
        enter_space(init, new_space(0, 0));
        init.space_known = caller.space_known = true;
        return ask(init.process.pid);
    }
    const auto joined = new_space(0, space_uncounted);
    space_of(joined).shared = true;
    enter_space(caller, joined);
    ask(caller.process.pid);
}

bool Tracker::State::asked_for(const WaitingFork& one) {
    constexpr model::Pid near = 16;
    const Life* const caller = population.find(one.caller);
    if (caller == nullptr || caller->space == 0) return false;
    const auto last = space_of(caller->space).last;
    return last != space_uncounted && one.fork.returned > last + near;
}

std::vector<WaitingFork*> Tracker::State::waiting_in(std::int32_t space) {
    std::vector<WaitingFork*> counted;
    std::vector<WaitingFork*> far;
    for (WaitingFork& one : waiting_forks) {
        const Life* const caller = population.find(one.caller);
        if (caller == nullptr || caller->space != space) continue;
        (asked_for(one) ? far : counted).push_back(&one);
    }
    std::stable_sort(counted.begin(), counted.end(),
                     [](const WaitingFork* a, const WaitingFork* b) { return a->fork.returned < b->fork.returned; });
    // Of those the number tells nothing; but who comes back from the call first has mostly entered it first.
    for (WaitingFork* const one : far)
        counted.insert(
            std::find_if(counted.begin(), counted.end(),
                         [&](const WaitingFork* other) { return other->fork.task.serial > one->fork.task.serial; }),
            one);
    return counted;
}

bool Tracker::State::needed_by_other(const Birth& birth, const WaitingFork& one, std::int32_t space) {
    for (const WaitingFork& other : waiting_forks) {
        Life* const caller = &other == &one ? nullptr : population.find(other.caller);
        if (caller == nullptr || caller->space == 0) continue;
        bool wanted = false;
        bool has_another = false;  // whose number it would be, had `one` asked for the number of `birth`
        for (const Birth& each : candidates(*caller, other.fork, other.since_ns, true)) {
            const bool same = each.child == birth.child && each.tid == birth.tid;
            wanted = wanted || (same && each.number == other.fork.returned);
            has_another = has_another || each.number == other.fork.returned + 1;
        }
        if (wanted && !(has_another && caller->space == space && asked_for(one))) return true;
    }
    return false;
}

void Tracker::State::decide_waiting_forks(bool all) {
    const auto due = [&](const WaitingFork& one) {
        const auto time_ns = one.fork.task.time_ns;
        return all || newest_audit_ns > time_ns + waiting_ns || newest_ns > time_ns + memory_ns;
    };
    while (!waiting_forks.empty() && due(waiting_forks.front())) {
        const Life* const first = population.find(waiting_forks.front().caller);
        if (first == nullptr) {
            waiting_forks.pop_front();
            continue;
        }
        bool decided = false;
        const auto space = first->space;
        for (WaitingFork* const one : waiting_in(space)) {
            if (!due(*one)) break;
            Life& caller = *population.find(one->caller);
            const auto is_foretold = [&](const Birth& each) { return each.number == one->fork.returned; };
            auto births = candidates(caller, one->fork, one->since_ns, true);
            auto birth = std::find_if(births.begin(), births.end(), is_foretold);
            if (birth != births.end()) caller.space_known = true;
            if (birth == births.end() && !caller.space_known) {
                reveal_space(caller, one->fork, births);
                births = candidates(caller, one->fork, one->since_ns, true);
                birth = std::find_if(births.begin(), births.end(), is_foretold);
            }
            if (birth == births.end()) {
                const bool chosen = asked_for(*one);  // which nobody does for a thread
                // In a namespace that clone3 made unseen the numbers would be lower than what is counted here.
                caller.space_known = caller.space_known || chosen;
                birth = std::find_if(births.begin(), births.end(), [&](const Birth& each) {
                    return !(chosen && each.child == nullptr) && !needed_by_other(each, *one, space);
                });
            }
            if (birth != births.end()) take_birth(caller, one->fork, *birth);
            one->caller = 0;
            decided = true;
        }
        if (!decided) return;
        std::erase_if(waiting_forks, [](const WaitingFork& one) { return one.caller == 0; });
    }
}

void Tracker::State::take_birth(Life& caller, const model::AuditFork& fork, const Birth& birth) {
    if (birth.child != nullptr) return claim(*birth.child, caller, fork);
    matched(caller, fork.task.serial, birth.born_ns);
    std::erase_if(caller.thread_births, [&](const ThreadBirth& thread) {
        return thread.tid == birth.tid && thread.time_ns == birth.born_ns;
    });
}

void Tracker::State::claim(Life& child, Life& caller, const model::AuditFork& fork) {
    model::Process& process = child.process;
    const bool timed = has(process.born.witnesses, model::Witness::connector);
    if (timed) matched(caller, fork.task.serial, process.born.time_ns);
    process.born.serial = fork.task.serial;
    process.born.how = fork.how;
    process.born.witnesses = process.born.witnesses | model::Witness::audit;
    if (!timed) {
        process.born.time_ns = fork.task.time_ns;
        keep_apart(child);
    }
    if (process.inferred != model::Inferred::exit_of_thread) process.inferred = model::Inferred::no;
    if (may_link(child, caller)) link(child, caller);
    if (!child.stated && fork.task.credentials) {
        const model::Credentials since_birth = process.credentials;
        process.credentials = *fork.task.credentials;
        keep_ids(process.credentials, since_birth, child.uids_ns != 0, child.gids_ns != 0);
        if (child.login_told) keep_login(process.credentials, since_birth);
        spread_credentials(child, child.from_ns());
    }
    if (!timed && !child.stated) process.ppid = has_flag(fork, CLONE_PARENT) ? fork.task.ppid : fork.task.pid;
    drop_guess(child);
    if (child.comm_ns == 0 && child.images.empty()) process.comm = fork.task.comm;
    inherit_image(child, caller);
    place_in_space(child, caller, fork);
    population.touch(child);
}

void Tracker::State::place_in_space(Life& child, const Life& caller, const model::AuditFork& fork) {
    const auto home = space_for_children(caller);
    const bool flags_known = fork.how != model::How::clone3;
    if (caller.space_known && flags_known && (home == 0 || !space_of(home).shared)) child.space_known = true;
    if (has_flag(fork, CLONE_NEWPID)) {
        if (child.space == home) enter_space(child, new_space(home, 0));
        if (child.alive()) ask(child.process.pid);
    } else if (child.space != home && child.space == 0) {
        enter_space(child, home);
    }
    // clone3 may have made a namespace for it; posix_spawn, which never does, lets the child call execve first.
    if (!flags_known && child.images.empty() && child.alive()) ask(child.process.pid);
    const bool sure = caller.space_known || !has(child.process.born.witnesses, model::Witness::connector);
    if (caller.space != 0) confirm_number(caller.space, child, fork.returned, sure);
}

void Tracker::State::wait_for_name(Life& caller, model::AuditFork&& fork) {
    caller.nameless.push_back(std::move(fork));
    with_nameless.insert(caller.process.id);
}

void Tracker::State::adopt_nameless(Life& child, Life& kernel_parent) {
    Life* caller = nullptr;
    std::size_t index = 0;
    const auto consider = [&](Life& life, bool by_parent) {
        for (std::size_t i = 0; i < life.nameless.size(); ++i) {
            const model::AuditFork& fork = life.nameless[i];
            if (has_flag(fork, CLONE_PARENT) != by_parent || fork.task.time_ns > child.from_ns()) continue;
            if (caller != nullptr && caller->nameless[index].task.serial <= fork.task.serial) continue;
            caller = &life;
            index = i;
        }
    };
    consider(kernel_parent, false);
    for (auto id = with_nameless.begin(); id != with_nameless.end();) {
        Life* const one = population.find(*id);
        if (one != nullptr && one != &child && one->parent == &kernel_parent) consider(*one, true);
        id = one == nullptr || one->nameless.empty() ? with_nameless.erase(id) : std::next(id);
    }
    if (caller == nullptr) return;
    const model::AuditFork fork = std::move(caller->nameless[index]);
    caller->nameless.erase(caller->nameless.begin() + static_cast<std::ptrdiff_t>(index));
    claim(child, *caller, fork);
}

}  // namespace lineage::tree
