// Which life does a fact belong to, and what follows for the other lives of the same pid.
#include <algorithm>
#include <utility>

#include "lineage/base/check.hpp"
#include "state.hpp"

namespace lineage::tree {

namespace {

/// Until when facts may be stamped that belong to a life: its end, with the uncertainty of the clock that told it.
model::TimeNs until_ns(const Life& life) {
    if (life.alive()) return std::numeric_limits<model::TimeNs>::max();
    const bool exact = has(life.process.ended->witnesses, model::Witness::connector);
    return life.process.ended->time_ns + (exact ? clock_slack_ns : tick_ns);
}

/// Pids are given out in ascending order, and from the lowest on again after the highest.
bool given_out_between(model::Pid first, model::Pid pid, model::Pid last) {
    return first < last ? first < pid && pid < last : pid > first || pid < last;
}

/// Does `life` descend from who opened that session, or is it him? Yes where the way up is not in memory any more.
bool is_of_session(const Life& life, const Life& opener, std::uint32_t session) {
    int steps = 0;
    for (const Life* up = &life; up != nullptr && steps < 4096; up = up->parent, ++steps) {
        if (up == &opener || up->process.credentials.ses == session) return true;
        if (up->process.pid == 0) return false;
    }
    return true;
}

}  // namespace

void keep_ids(model::Credentials& of, const model::Credentials& known, bool uids, bool gids) {
    if (uids) {
        of.uid = known.uid;
        of.euid = known.euid;
    }
    if (gids) {
        of.gid = known.gid;
        of.egid = known.egid;
    }
}

void keep_login(model::Credentials& of, const model::Credentials& known) {
    of.auid = known.auid;
    of.ses = known.ses;
}

Life* Tracker::State::life_at(model::Pid pid, model::TimeNs time_ns) {
    for (Life* life : population.lives(pid))
        if (until_ns(*life) >= time_ns) return life;
    return nullptr;
}

Life* Tracker::State::life_speaking(const model::AuditHeader& task, const Fits& fits) {
    Life* first = life_at(task.pid, task.time_ns);
    const auto emitted_ns = task.serial > floor_serial ? floor_ns : 0;
    for (Life* life = first; life != nullptr && life->from_ns() <= task.time_ns + tick_ns;
         life = population.neighbour(*life, 1)) {
        first = life;
        if (life->alive()) break;
        const bool exact = has(life->process.ended->witnesses, model::Witness::connector);
        const bool said_its_last = life->has_exit_record && life->exit_is_group && task.serial > life->exit_serial;
        if (!said_its_last && !(exact && life->process.ended->time_ns < emitted_ns)) break;
    }
    if (first == nullptr || first->alive()) return first;
    // A pid can be given out again within a tick of its death, and then the stamp alone does not tell whose word it is.
    Life* const second = population.neighbour(*first, 1);
    if (second == nullptr || second->from_ns() > task.time_ns + tick_ns) return first;
    if (fits(*first) != fits(*second)) return fits(*first) ? first : second;
    const auto of_parent = [&](const Life& life) {
        return task.ppid == life.process.ppid || task.ppid == life.kernel_parent;
    };
    if (of_parent(*first) != of_parent(*second)) return of_parent(*first) ? first : second;
    return first->process.ended->time_ns < task.time_ns ? second : first;
}

Life& Tracker::State::life_of(const model::AuditHeader& task, const Fits& fits) {
    advance(task.time_ns);
    newest_audit_ns = std::max(newest_audit_ns, task.time_ns);
    if (audit_is_to_speak) audit_spoke(task.time_ns);
    Life* life = life_speaking(task, fits);
    // Nobody speaks before he is born: then it was another thread of the one before, which seemed to end by exit(2).
    if (life != nullptr && life->from_ns() > task.time_ns + tick_ns)
        if (Life* before = population.neighbour(*life, -1); before != nullptr && before->ended_by_thread_exit())
            life = before;
    if (life == nullptr) life = alive_after_all(task.pid);
    if (life != nullptr && of_another_life(*life, task)) life = &make_provisional(task);
    Life* const newest = population.newest(task.pid);
    if (life == nullptr && newest != nullptr && connector_covers(task.time_ns) &&
        task.time_ns - newest->process.ended->time_ns < 1'000'000'000)
        life = newest;  // the connector would have told of another life; the clocks disagree
    const bool only_life = task.pid <= 2 && newest != nullptr;  // of its pid in this boot, whatever the clocks say
    if (only_life) {
        life = newest;
    } else if (life == nullptr || life->from_ns() > task.time_ns + tick_ns + stamp_slack_ns(*life, task.time_ns)) {
        life = &make_provisional(task);
        end_if_overlooked(*life);
    }
    speak_for(*life);
    lived_at(*life, task.time_ns);
    life->acted_ns = std::min(life->acted_ns, task.time_ns);
    learn_parent(*life, task);
    placed_last = {task.time_ns, task.serial, life->process.id};
    return *life;
}

/// By how much more than a tick a record of `life` may be stamped before its birth. Another life in which it was made
/// the connector would have told of; where that lost events it may have been one whose birth it lost.
model::TimeNs Tracker::State::stamp_slack_ns(const Life& life, model::TimeNs stamp_ns) const {
    if (!has(life.process.born.witnesses, model::Witness::connector)) return 50'000'000;
    return connector_covers(stamp_ns) ? late_tick_ns : 0;
}

void Tracker::State::lived_at(Life& life, model::TimeNs time_ns) {
    for (Life* one = &life; one != nullptr && !one->birth_known(); one = one->parent) {
        if (time_ns >= one->first_seen_ns) return;
        // But not while another still had its pid.
        const Life* const before = population.neighbour(*one, -1);
        if (before != nullptr && !before->alive()) time_ns = std::max(time_ns, before->process.ended->time_ns);
        if (time_ns >= one->first_seen_ns) return;
        one->first_seen_ns = one->process.born.time_ns = time_ns;
        population.reorder(*one);
        population.touch(*one);
        if (one->parent != nullptr) inherit(*one, *one->parent);
    }
}

void Tracker::State::link(Life& child, Life& parent) {
    population.link(child, parent);
    lived_at(parent, child.from_ns());
}

Life* Tracker::State::alive_after_all(model::Pid pid) {
    Life* const newest = population.newest(pid);
    if (newest == nullptr || !newest->ended_by_thread_exit()) return nullptr;
    revive(*newest);
    return newest;
}

Life& Tracker::State::life_named(model::Pid pid, model::TimeNs time_ns, const std::optional<model::Login>& login) {
    if (pid <= 0) return *root;
    if (Life* life = life_at(pid, time_ns)) {
        speak_for(*life);
        lived_at(*life, time_ns);
        if (life->parent_untold() && !life->login_told) learn_login(*life, login);
        return *life;
    }
    if (Life* life = alive_after_all(pid)) return *life;  // nobody's parent is dead
    if (Life* newest = population.newest(pid); newest != nullptr && connector_covers(time_ns)) return *newest;
    Life& life = make_provisional({time_ns, 0, pid, -1, {}, login});
    if (pid > 2) life.process.inferred = model::Inferred::named_only;
    return life;
}

Life* Tracker::State::opener_of(const std::optional<model::Login>& login, const Life* self) {
    const auto found = login ? openers.find(login->ses) : openers.end();
    Life* const opener = found == openers.end() ? nullptr : population.find(found->second);
    return opener == self ? nullptr : opener;
}

Life& Tracker::State::nearest_known_ancestor(const std::optional<model::Login>& login, const Life* self) {
    if (Life* const opener = opener_of(login, self)) return *opener;
    if (Life* init = population.newest(1)) return *init;
    return make_provisional({boot.started_ns, 0, 1, 0});
}

Tracker::State::Descent Tracker::State::descent_of(const model::AuditHeader& task, const Life* self) {
    if (task.ppid == 0 || task.pid <= 2) return {*root};
    const auto login = task.acts_for();
    const Life* const opener = opener_of(login, self);
    if (task.ppid > 0 && task.ppid != task.pid) {
        // Sessions are inherited: unless it opened its own, its parent has the same. But a reaper is older than that.
        const bool inherited = opener != nullptr && given_out_between(opener->process.pid, task.ppid, task.pid);
        Life& parent = life_named(task.ppid, task.time_ns, inherited ? login : std::nullopt);
        if (opener == nullptr || is_of_session(parent, *opener, login->ses))
            return {parent, model::Inferred::parent_from_ppid};
    }
    return {nearest_known_ancestor(login, self), model::Inferred::parent_unknown};
}

Life& Tracker::State::make_provisional(const model::AuditHeader& task) {
    CHECK(task.pid > 0);
    // The parent first: making it up may make up others, and ids ascend from parent to child.
    const Descent descent = descent_of(task, nullptr);
    Life& life = population.create(boot.id, task.pid, task.time_ns);
    link(life, descent.parent);
    if (task.pid == 2) {
        life.process.kernel_thread = true;
        life.process.comm = "kthreadd";
    }
    life.process.ppid = task.ppid >= 0 && task.ppid != task.pid ? task.ppid : descent.parent.process.pid;
    life.process.inferred = descent.why;
    inherit(life, descent.parent);
    keep_apart(life);
    if (descent.why == model::Inferred::parent_from_ppid) adopt_nameless(life, descent.parent);
    return life;
}

void Tracker::State::learn_parent(Life& life, const model::AuditHeader& task) {
    if (!life.parent_untold()) return;
    if (task.ppid >= 0 && task.ppid != life.process.pid) return hang(life, descent_of(task, &life));
    learn_login(life, task.acts_for());
    if (life.process.inferred == model::Inferred::parent_unknown) return;
    life.process.inferred = model::Inferred::parent_unknown;  // it has spoken for itself
    population.touch(life);
}

void Tracker::State::learn_login(Life& life, const std::optional<model::Login>& login) {
    if (!login || login->ses == life.process.credentials.ses) return;
    hang(life, {nearest_known_ancestor(login, &life), life.process.inferred});
}

void Tracker::State::hang(Life& life, const Descent& descent) {
    Life& parent = descent.parent;
    if ((life.parent == &parent && life.process.inferred == descent.why) || !may_link(life, parent)) return;
    link(life, parent);
    life.process.inferred = descent.why;
    // With all that are known below it.
    if (const auto home = space_for_children(parent); life.space == 0 && home != 0) enter_space(life, home);
    inherit(life, parent);
    if (!life.stated) spread_credentials(life, life.from_ns());
    if (descent.why == model::Inferred::parent_from_ppid) adopt_nameless(life, parent);
}

Life& Tracker::State::begin_life(model::Pid pid, model::TimeNs time_ns) {
    // Whose word it is names the parent next, but a word that would make a circle is not taken.
    Life* const init = pid > 2 ? population.newest(1) : nullptr;
    Life& life = population.create(boot.id, pid, time_ns);
    link(life, init != nullptr ? *init : *root);
    // One that has just been born and has ended in order keeps what was stamped with the same tick: a pid is not given
    // out again so soon but on demand, and then what it said came before.
    const auto keeps_all = [&](const Life& before) {
        return before.claimed() && before.has_exit_record && before.exit_is_group &&
               time_ns - before.from_ns() < 1'000'000'000 && before.exit_ns <= time_ns;
    };
    if (Life* before = population.neighbour(life, -1))
        if (until_ns(*before) >= time_ns && !keeps_all(*before)) move_facts(*before, life, time_ns);
    keep_apart(life);
    return life;
}

void Tracker::State::keep_apart(Life& life) {
    population.reorder(life);
    const auto cut = [&](Life& first, const Life& second) {
        const auto from_ns = second.from_ns();
        if (first.alive())
            end_unseen(first, from_ns);
        else if (first.process.ended->time_ns > from_ns + tick_ns)
            first.process.ended->time_ns = from_ns, population.touch(first);
    };
    if (Life* before = population.neighbour(life, -1)) cut(*before, life);
    if (const Life* after = population.neighbour(life, 1)) cut(life, *after);
}

void Tracker::State::move_facts(Life& from, Life& to, model::TimeNs since_ns) {
    if (from.process.ended && from.process.ended->time_ns >= since_ns) {
        to.process.ended = from.process.ended;
        from.process.ended.reset();
        population.bury(to);
    }
    const auto first = std::find_if(from.images.begin(), from.images.end(),
                                    [&](const model::Image& image) { return image.time_ns >= since_ns; });
    const bool told_since = first != from.images.end() || to.process.ended;
    if (told_since) {
        to.process.credentials = from.process.credentials;
        to.process.comm = from.process.comm;
        to.process.ppid = from.process.ppid;
        to.stated = from.stated;
        to.login_told = from.login_told;
        to.stated_serial = from.stated_serial;
    }
    const auto kept = static_cast<std::int32_t>(first - from.images.begin());
    for (auto image = first; image != from.images.end(); ++image) {
        image->seq = static_cast<std::int32_t>(to.images.size());
        to.images.push_back(std::move(*image));
    }
    if (!to.images.empty()) {
        from.images.erase(first, from.images.end());
        population.touch_image(from, kept);
        population.touch_image(to, 0);
        to.process.image_owner = to.process.id;
        to.process.image_seq = to.images.back().seq;
        if (from.images.empty()) {
            from.process.image_owner = from.inherited_owner;
            from.process.image_seq = from.inherited_seq;
        } else {
            from.process.image_seq = from.images.back().seq;
            from.process.credentials = from.images.back().credentials;
            from.process.comm = from.images.back().comm;
        }
    }
    move_attempts(from, to, since_ns);
    move_signals(from, to, since_ns);
    move_records(from, to, since_ns);
    for (Life* child = from.first_child; child != nullptr;) {
        Life* const next = child->next_sibling;
        if (child->from_ns() >= since_ns && may_link(*child, to)) {
            link(*child, to);
            inherit_image(*child, to);
        }
        child = next;
    }
    population.touch(from);
    population.touch(to);
}

void Tracker::State::end(Life& life, const model::End& end) {
    const bool was_alive = life.alive();
    life.process.ended = end;
    if (const Life* after = population.neighbour(life, 1))
        life.process.ended->time_ns = std::min(end.time_ns, after->from_ns() + tick_ns);
    name_sender(life);
    population.touch(life);
    if (!was_alive) return;
    population.bury(life);
    reparent_children(life, end.time_ns);
}

void Tracker::State::end_unseen(Life& life, model::TimeNs time_ns, model::Witnesses disappearance) {
    model::End unseen;
    unseen.time_ns = time_ns;
    unseen.witnesses = disappearance;
    // Its exit_group was taken for what another witness would tell better, and that word was lost.
    if (life.has_exit_record && life.exit_is_group && life.exit_ns <= time_ns) {
        unseen.time_ns = life.exit_ns;
        unseen.serial = life.exit_serial;
        unseen.code = life.exit_code;
        unseen.witnesses = only(model::Witness::audit);
    }
    end(life, unseen);
}

void Tracker::State::revive(Life& life) {
    life.process.ended.reset();
    if (life.process.inferred == model::Inferred::exit_of_thread) life.process.inferred = model::Inferred::no;
    population.touch(life);
}

void Tracker::State::speak_for(Life& life) {
    if (!life.phantom) return;
    life.phantom = false;
    if (life.parent != nullptr && life.parent->possible_threads > 0) --life.parent->possible_threads;
    population.touch(life);
}

void Tracker::State::inherit(Life& child, const Life& creator) {
    // The boot kernel thread hands its name to other kernel threads alone: pid 1 is about to become init.
    if (&creator == root && !child.process.kernel_thread) return;
    if (!child.stated) {
        const auto own = std::exchange(child.process.credentials, creator.process.credentials);
        if (child.login_told) keep_login(child.process.credentials, own);
    }
    if (child.comm_ns == 0 && child.images.empty()) {
        // What it was called as it ran what it ran then.
        const auto [owner, seq] = image_at(creator, child.from_ns(), child.process.born.serial);
        const bool still = owner == creator.process.image_owner && seq == creator.process.image_seq;
        const Life* const who = population.find(owner);
        child.process.comm = still            ? creator.process.comm
                             : who == nullptr ? std::string()
                                              : who->images[static_cast<std::size_t>(seq)].comm;
    }
    inherit_image(child, creator);
    if (child.space == 0) child.space = space_for_children(creator);
    population.touch(child);
}

void Tracker::State::matched(Life& life, std::int64_t serial, model::TimeNs exact_ns) {
    life.exact_ns = std::max(life.exact_ns, exact_ns);
    if (serial <= floor_serial || exact_ns <= floor_ns) return;
    floor_serial = serial;
    floor_ns = exact_ns;
}

bool Tracker::State::connector_covers(model::TimeNs time_ns) const {
    if (!connector_up || time_ns < connector_since_ns) return false;
    return std::none_of(connector_gaps.begin(), connector_gaps.end(), [&](const model::Gap& gap) {
        return gap.from_ns - tick_ns <= time_ns && time_ns <= gap.to_ns + tick_ns;
    });
}

Life* Tracker::State::reaper_of(const Life& dead) {
    // find_new_reaper in kernel/exit.c: the nearest living subreaper up the real parents, else the namespace's init.
    const Life* at = &dead;
    for (int steps = 0; steps < 4096; ++steps) {
        Life* const up = population.newest(at->process.ppid);
        if (up == nullptr || up == at || up->process.pid <= 1) break;
        const bool namespace_init = dead.space != 0 && up->space == dead.space && up->number == 1;
        if (up->alive() && (up->subreaper || namespace_init)) return up;
        at = up;
    }
    return population.newest(1);
}

void Tracker::State::reparent_children(Life& dead, model::TimeNs time_ns) {
    Life* reaper = nullptr;
    for (Life* child = dead.first_child; child != nullptr; child = child->next_sibling) {
        if (!child->alive() || child->process.ppid != dead.process.pid || child->ppid_ns > time_ns) continue;
        if (reaper == nullptr) reaper = reaper_of(dead);
        if (reaper == nullptr) return;
        child->left_ppid = dead.process.pid;
        child->process.ppid = reaper->process.pid;
        child->ppid_ns = time_ns;
        population.touch(*child);
    }
}

void Tracker::State::advance(model::TimeNs time_ns) {
    ensure_boot(time_ns);
    newest_ns = std::max(newest_ns, time_ns);
    // While audit speaks, it sets the pace: its records may lag behind the connector as far as the kernel's queue goes.
    const auto pace_ns =
        audit_up && newest_audit_ns != 0 ? std::min(newest_ns, newest_audit_ns + memory_ns) : newest_ns;
    population.forget(pace_ns - 2 * memory_ns);
    ask_for_numbers();
    decide_waiting_forks(false);
    if (!tampering.empty() || !config_changes.empty()) settle_tampering(false);
    std::erase_if(connector_gaps, [&](const model::Gap& gap) { return gap.to_ns < pace_ns - 2 * memory_ns; });
}

bool Tracker::State::may_link(const Life& child, const Life& parent) {
    if (child.first_child == nullptr) return &child != &parent;
    for (const Life* up = &parent; up != nullptr; up = up->parent)
        if (up == &child) return false;
    return true;
}

void Tracker::State::ask(model::Pid pid) {
    questions.push_back({pid});
}

}  // namespace lineage::tree
