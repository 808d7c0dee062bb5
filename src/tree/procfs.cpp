// /proc's word: what was there before us, and what neither other witness told.
#include <algorithm>

#include "state.hpp"

namespace lineage::tree {

namespace {

/// starttime has a step of 10 ms, and the clocks are read one after the other.
constexpr model::TimeNs start_slack_ns = 30'000'000;

bool born_then(const Life& life, const model::Seen& seen) {
    if (!life.birth_known()) return false;
    const auto later_ns = seen.started_ns - life.process.born.time_ns;
    // Where nothing tells its birth but audit's stamp, that may be early; the parent says who it is, and that it lived
    // then (if it has ended at all).
    const bool lived = life.alive() || life.process.ended->time_ns > seen.started_ns + start_slack_ns;
    const bool by_stamp = !has(life.process.born.witnesses, model::Witness::connector) && life.claimed() && lived &&
                          life.process.ppid == seen.ppid;
    return -later_ns <= start_slack_ns && later_ns <= (by_stamp ? late_tick_ns : start_slack_ns);
}

bool may_be(const Life& life, const model::Seen& seen) {
    const bool only_life = seen.pid <= 2;  // of its pid in this boot, whenever it was first heard of
    return !life.birth_known() && (only_life || life.first_seen_ns >= seen.started_ns - start_slack_ns);
}

}  // namespace

Life& Tracker::State::life_seen(const model::Seen& seen) {
    advance(seen.read_ns);
    if (seen.pid <= 0) return *root;
    const auto& lives = population.lives(seen.pid);
    auto known = std::find_if(lives.rbegin(), lives.rend(), [&](const Life* life) { return born_then(*life, seen); });
    if (known == lives.rend())
        known = std::find_if(lives.rbegin(), lives.rend(), [&](const Life* life) { return may_be(*life, seen); });
    if (known != lives.rend()) {
        Life& life = **known;
        speak_for(life);
        if (!life.alive() && !seen.zombie) {
            // The connector tells of an exit a while before /proc shows a zombie.
            constexpr model::TimeNs exiting_ns = 1'000'000'000;
            const auto ended_ns = life.process.ended->time_ns;
            // But if the pid has done something since, and is still this life's, it was this life that did it.
            const Life* const after = population.neighbour(life, 1);
            const bool acted = after != nullptr && !after->birth_known() && after->first_seen_ns <= seen.read_ns;
            if (acted || ended_ns + (connector_covers(ended_ns) ? exiting_ns : clock_slack_ns) < seen.read_ns)
                restore_to_life(life);
        }
        return life;
    }
    Life& life = begin_life(seen.pid, seen.started_ns);
    life.process.born.how = model::How::snapshot;
    return life;
}

void Tracker::State::restore_to_life(Life& life) {
    revive(life);
    // What was taken for later lives since then was this one.
    while (Life* after = population.neighbour(life, 1)) {
        if (after->birth_known()) break;
        move_facts(*after, life, std::numeric_limits<model::TimeNs>::min());
        population.remove(*after);
    }
    keep_apart(life);
}

void Tracker::State::on(model::Seen&& seen) {
    // While a parent is being reaped, /proc shows 0 for it.
    const bool parent_told = seen.ppid > 0 || seen.pid <= 2;
    Life& life = life_seen(seen);
    model::Process& process = life.process;
    if (&life == root) return;
    life.seen_ns = seen.read_ns;
    const bool birth_told = life.birth_known();  // also by an earlier look, to which later ones add nothing
    if (!birth_told) {
        process.born.time_ns = seen.started_ns;
        process.born.witnesses = process.born.witnesses | model::Witness::procfs;
        keep_apart(life);
        if (process.born.how == model::How::unknown) process.born.how = model::How::snapshot;
        Life& parent = seen.ppid > 0 && seen.ppid != seen.pid ? life_named(seen.ppid, seen.read_ns)
                       : parent_told                          ? *root
                                                              : nearest_known_ancestor();
        // A record of its own named its parent earlier than this.
        const bool linked = process.inferred == model::Inferred::parent_from_ppid;
        if (!linked && may_link(life, parent)) {
            link(life, parent);
            inherit_image(life, parent);
        }
        process.kernel_thread = seen.kernel_thread;
        const bool sure = seen.kernel_thread || seen.pid <= 2;
        const bool before_us = seen.started_ns <= recording_since_ns + start_slack_ns;
        if (!linked)
            process.inferred = sure        ? model::Inferred::no
                               : before_us ? model::Inferred::before_us
                                           : model::Inferred::parent_from_ppid;
        if (seen.kernel_thread && seen.pid != 0) process.born.how = model::How::kernel;
    }
    see_threads(life, seen);
    process.born.witnesses = process.born.witnesses | model::Witness::procfs;
    if (parent_told && life.ppid_ns <= seen.read_ns && life.alive()) {
        process.ppid = seen.ppid;
        life.ppid_ns = seen.read_ns;
    }
    if (life.stated_serial == 0 && std::max(life.uids_ns, life.gids_ns) <= seen.read_ns) {
        process.credentials = seen.credentials;
        life.stated = life.login_told = true;
        spread_credentials(life, life.from_ns());
    }
    see_space(life, seen);
    population.touch(life);
    const bool zombie = seen.zombie;
    const auto read_ns = seen.read_ns;
    see_image(life, std::move(seen));
    if (zombie && life.alive()) end_unseen(life, read_ns, only(model::Witness::procfs));
}

void Tracker::State::see_threads(Life& life, const model::Seen& seen) {
    if (!connector_up) {
        if (!life.claimed()) life.possible_threads = static_cast<std::int32_t>(seen.tids.size()) - 1;
        return;
    }
    const bool watched = connector_covers(life.from_ns()) && connector_gaps.empty();
    if (watched || !life.alive()) return;
    life.tids = seen.tids;
    // Threads that ended after the list was read have said so before this arrived.
    for (const ThreadBirth& exit : exits_in_snapshot)
        if (exit.time_ns + clock_slack_ns >= seen.read_ns) std::erase(life.tids, exit.tid);
}

void Tracker::State::see_image(Life& life, model::Seen&& seen) {
    if (life.comm_ns <= seen.read_ns) {
        if (life.process.comm.empty()) name_children(life, seen.comm);
        life.process.comm = seen.comm;
        life.comm_ns = seen.read_ns;
    }
    if (seen.kernel_thread || seen.zombie || (seen.exe.empty() && seen.argv.empty())) return;
    if (life.images.empty()) {
        const bool exec_would_be_told =
            has(life.process.born.witnesses, model::Witness::connector) || (life.claimed() && audit_up);
        if (exec_would_be_told) return;
        const Life* const owner = population.find(life.inherited_owner);
        if (owner != nullptr && static_cast<std::size_t>(life.inherited_seq) < owner->images.size()) {
            const model::Image& inherited = owner->images[static_cast<std::size_t>(life.inherited_seq)];
            if (inherited.exe == seen.exe && inherited.argv == seen.argv) return;
        }
        model::Image image;
        const bool born_before_us = life.process.born.witnesses == only(model::Witness::procfs);
        image.time_ns = born_before_us ? life.from_ns() : seen.read_ns;
        add_image(life, std::move(image));
    }
    model::Image& image = life.images.back();
    // What a record's exe= or the connector alone made known lacks the rest, if it still runs.
    const bool named = image.serial == 0 && image.argv.empty() && (image.exe.empty() || image.exe == seen.exe);
    const bool told = !named && (has(image.witnesses, model::Witness::audit) || !image.exe.empty());
    if (told || image.time_ns > seen.read_ns) return;
    const bool before_us = !has(life.process.born.witnesses, model::Witness::connector) && !life.claimed();
    if (before_us && image.witnesses == only(model::Witness::audit)) image.time_ns = life.from_ns();
    image.exe = std::move(seen.exe);
    image.argv = std::move(seen.argv);
    image.cwd = std::move(seen.cwd);
    image.comm = std::move(seen.comm);
    image.credentials = seen.credentials;
    image.witnesses = image.witnesses | model::Witness::procfs;
    population.touch_image(life, image.seq);
}

void Tracker::State::name_children(Life& life, const std::string& comm) {
    for (Life* child = life.first_child; child != nullptr; child = child->next_sibling) {
        if (!child->process.comm.empty() || child->comm_ns != 0 || !child->images.empty()) continue;
        child->process.comm = comm;
        population.touch(*child);
        name_children(*child, comm);
    }
}

void Tracker::State::spread_credentials(Life& life, model::TimeNs since_ns) {
    for (Life* child = life.first_child; child != nullptr; child = child->next_sibling) {
        if (child->stated || child->claimed() || child->from_ns() < since_ns) continue;
        model::Credentials who = life.process.credentials;
        // What the connector told of either, the child has already.
        keep_ids(who, child->process.credentials, life.uids_ns != 0 || child->uids_ns != 0,
                 life.gids_ns != 0 || child->gids_ns != 0);
        if (child->login_told) keep_login(who, child->process.credentials);
        if (child->process.credentials == who) continue;
        child->process.credentials = std::move(who);
        population.touch(*child);
        spread_credentials(*child, child->from_ns());
    }
}

void Tracker::State::on(model::SnapshotBegan&& begin) {
    advance(begin.time_ns);
    in_snapshot = true;
    exits_in_snapshot.clear();
}

void Tracker::State::on(model::SnapshotEnded&& ended) {
    in_snapshot = false;
    exits_in_snapshot.clear();
    looked_ns = ended.began_ns;
    for (const auto id : population.ids())
        if (Life& life = *population.find(id); unseen_by_look(life))
            end_unseen(life, looked_ns, only(model::Witness::procfs));
}

bool Tracker::State::unseen_by_look(const Life& life) const {
    if (&life == root || !life.alive() || life.phantom) return false;
    return life.seen_ns < looked_ns && life.from_ns() + start_slack_ns < looked_ns;
}

void Tracker::State::end_if_overlooked(Life& life) {
    if (unseen_by_look(life) && !connector_covers(life.from_ns()))
        end_unseen(life, looked_ns, only(model::Witness::procfs));
}

}  // namespace lineage::tree
