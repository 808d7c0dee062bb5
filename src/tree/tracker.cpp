#include "lineage/tree/tracker.hpp"

#include <algorithm>

#include "state.hpp"

namespace lineage::tree {

namespace {

constexpr std::uint32_t saved_version = 19;

}  // namespace

void Tracker::State::ensure_boot(model::TimeNs time_ns) {
    if (root != nullptr) return;
    model::BootBegan unknown;
    unknown.name = "unknown";
    unknown.started_ns = time_ns;
    unknown.imported = true;
    on(std::move(unknown));
}

void Tracker::State::on(model::BootBegan&& began) {
    real_minus_mono_ns = began.real_minus_mono_ns;
    recording_since_ns = began.time_ns;
    audit_looks.clear();
    first_look_ns = 0;
    if (root != nullptr && began.name == boot.name) {
        // Killed: since its last word. What audit still had in its queue then may be older than what the connector
        // told.
        const auto heard_ns = audit_up ? std::max(newest_audit_ns, audit_idle_ns) : newest_ns;
        const auto silent_since_ns = stopped_ns != 0 ? stopped_ns : std::min(newest_ns, heard_ns);
        if (silent_since_ns != 0 && began.time_ns > silent_since_ns) {
            model::Gap down;
            down.from_ns = silent_since_ns;
            down.to_ns = began.time_ns;
            down.why = "lineaged was not running";
            add_gap(std::move(down));
        }
        stopped_ns = 0;
        return;
    }
    if (root != nullptr) {
        settle_tampering(true);
        for (const auto id : population.ids())
            if (Life& life = *population.find(id); life.alive() && !life.phantom)
                life.process.ended = model::End{std::max(began.started_ns, newest_ns), 0, {}, {}, false, 0},
                population.touch(life);
        population.clear();
        waiting_forks.clear();
        spaces.clear();
        config_changes.clear();
        recorders.clear();
        tampering.clear();
        openers.clear();
    }
    boot = {++last_boot_id, std::move(began.name), std::move(began.host), began.started_ns, began.imported};
    changed_boots.push_back(boot);
    connector_up = audit_up = in_snapshot = false;
    connector_gaps.clear();
    exits_in_snapshot.clear();
    newest_ns = newest_audit_ns = looked_ns = stopped_ns = audit_idle_ns = floor_ns = floor_serial = deeds_looked_ns =
        0;
    make_root();
}

void Tracker::State::make_root() {
    root = &population.create(boot.id, 0, boot.started_ns);
    root->process.born.how = model::How::boot;
    root->process.born.witnesses = boot.imported ? model::Witnesses{0} : only(model::Witness::procfs);
    root->process.comm = "swapper/0";
    root->process.kernel_thread = true;
    auto& who = root->process.credentials;
    who.uid = who.gid = who.euid = who.egid = 0;
}

void Tracker::State::on(model::ClockChanged&& change) {
    real_minus_mono_ns = change.real_minus_mono_ns;
}

void Tracker::State::on(model::ConnectorUp&& up) {
    connector_up = true;
    connector_since_ns = up.time_ns;
}

void Tracker::State::on(model::ConnectorDown&&) {
    connector_up = false;
}
void Tracker::State::on(model::ConnectorDrained&& drained) {
    advance(real(drained.time_ns));
}
void Tracker::State::on(model::AuditUp&& up) {
    audit_up = true;
    deeds_since_ns = up.was_in_force ? 0 : recording_since_ns;
    audit_idle_ns = up.time_ns;
    on_recorder(up.time_ns, up.recorder);
    newest_audit_ns = std::max({newest_audit_ns, newest_ns, connector_since_ns});
}
void Tracker::State::on(model::Resumed&& resumed) {
    on_recorder(resumed.time_ns, resumed.recorder);
}
void Tracker::State::on(model::Idle&& idle) {
    audit_idle_ns = idle.time_ns;
}
void Tracker::State::on_recorder(model::TimeNs since_ns, model::Pid pid) {
    constexpr std::size_t recorders_max = 16;
    if (pid == 0) return;
    if (recorders.size() == recorders_max) recorders.pop_front();
    recorders.push_back({since_ns, pid});
}
void Tracker::State::on(model::AuditDown&&) {
    audit_up = false;
}

void Tracker::State::on(model::Lost&& lost) {
    ensure_boot(lost.from_ns);
    model::Gap gap;
    gap.from_ns = lost.from_ns;
    gap.to_ns = lost.to_ns;
    gap.lost = lost.count;
    gap.witness = lost.witness;
    gap.why = std::move(lost.why);
    if (gap.witness == model::Witness::connector)
        lose_connector(std::move(gap));
    else
        add_gap(std::move(gap));
}

/// One loss may be told several times: that the queue overflowed, and by each cpu's sequence. What touches is one gap.
void Tracker::State::lose_connector(model::Gap gap) {
    model::Gap* const last = connector_gaps.empty() ? nullptr : &connector_gaps.back();
    if (last == nullptr || gap.from_ns > last->to_ns || last->from_ns > gap.to_ns) {
        add_gap(std::move(gap));
        connector_gaps.push_back(changed_gaps.back());
        return;
    }
    last->from_ns = std::min(last->from_ns, gap.from_ns);
    last->to_ns = std::max(last->to_ns, gap.to_ns);
    if (gap.lost) last->lost = last->lost.value_or(0) + *gap.lost;
    std::erase_if(changed_gaps, [&](const model::Gap& one) { return one.id == last->id; });
    changed_gaps.push_back(*last);
}

void Tracker::State::on(model::Stopped&& stopped) {
    decide_waiting_forks(true);
    settle_tampering(true);
    config_changes.clear();  // the last ones are ours: we take our rules back
    stopped_ns = stopped.time_ns;
    connector_up = audit_up = false;
}

void Tracker::State::add_gap(model::Gap gap) {
    gap.id = ++last_gap_id;
    gap.boot = boot.id;
    changed_gaps.push_back(std::move(gap));
}

Tracker::Tracker() : state_(std::make_unique<State>()) {}
Tracker::~Tracker() = default;
Tracker::Tracker(Tracker&&) noexcept = default;
Tracker& Tracker::operator=(Tracker&&) noexcept = default;

void Tracker::observe(model::Observation&& observation) {
    ++state_->observations;
    std::visit([this](auto& fact) { state_->on(std::move(fact)); }, observation);
}

void Tracker::finish() {
    // What was uncertain is in the tree, marked. Phantoms stay untold; they were threads, or never spoke.
    state_->decide_waiting_forks(true);
    state_->settle_tampering(true);
}

void Tracker::take_changes(ChangeSink& sink) {
    for (const model::Boot& boot : std::exchange(state_->changed_boots, {})) sink.boot(boot);
    for (const auto& [id, owner] : std::exchange(state_->moved_records, {})) sink.record_moved(id, owner);
    for (const auto id : state_->population.take_removed()) sink.removed(id);
    state_->population.take_changed([&](Life& life) {
        if (life.phantom) return;
        sink.process(life.process);
        const auto count = static_cast<std::int32_t>(life.images.size());
        if (life.images_stored > count) sink.images_end(life.process.id, count);
        for (auto seq = std::max(0, std::min(life.images_changed_from, count)); seq < count; ++seq)
            sink.image(life.process.id, life.images[static_cast<std::size_t>(seq)]);
        if (std::exchange(life.attempts_changed, false)) sink.attempts(life.process.id, life.attempts);
        life.stored = true;
        life.images_stored = count;
        life.images_changed_from = std::numeric_limits<std::int32_t>::max();
    });
    for (const OwnedRecord& one : std::exchange(state_->changed_records, {})) sink.record(one.id, one.owner, one.event);
    for (const model::Gap& gap : std::exchange(state_->changed_gaps, {})) sink.gap(gap);
    for (const model::Tamper& tamper : std::exchange(state_->changed_tampering, {})) sink.tamper(tamper);
}

std::size_t Tracker::pending_changes() const {
    return state_->changed_boots.size() + state_->population.changes() + state_->changed_gaps.size() +
           state_->changed_tampering.size() + state_->changed_records.size() + state_->moved_records.size();
}

std::vector<std::string> Tracker::take_alarms() {
    return std::exchange(state_->alarms, {});
}

std::vector<Question> Tracker::take_questions() {
    return std::exchange(state_->questions, {});
}

void Tracker::reserve_ids(const Ids& taken) {
    state_->population.last_id = std::max(state_->population.last_id, taken.process);
    state_->last_boot_id = std::max(state_->last_boot_id, taken.boot);
    state_->last_gap_id = std::max(state_->last_gap_id, taken.gap);
    state_->last_tamper_id = std::max(state_->last_tamper_id, taken.tamper);
    state_->last_record_id = std::max(state_->last_record_id, taken.record);
}

Ids Tracker::last_ids() const {
    return {state_->population.last_id, state_->last_boot_id, state_->last_gap_id, state_->last_tamper_id,
            state_->last_record_id};
}

Counters Tracker::counters() const {
    return {state_->observations, state_->population.created, state_->images_created, state_->population.size()};
}

void Tracker::save(std::string& saved) const {
    base::Encoder out(saved);
    const State& s = *state_;
    out.put(saved_version);
    out.put(s.boot.id);
    out.put_bytes(s.boot.name);
    out.put_bytes(s.boot.host);
    out.put(s.boot.started_ns);
    out.put(s.boot.imported);
    out.put(s.root == nullptr ? model::Id{0} : s.root->process.id);
    out.put(s.real_minus_mono_ns);
    out.put(s.recording_since_ns);
    out.put(s.connector_up);
    out.put(s.connector_since_ns);
    out.put(s.audit_up);
    out.put(s.deeds_since_ns);
    out.put(s.in_snapshot);
    out.put(s.looked_ns);
    out.put(s.newest_ns);
    out.put(s.newest_audit_ns);
    out.put(s.floor_serial);
    out.put(s.floor_ns);
    out.put(s.last_boot_id);
    out.put(s.last_gap_id);
    out.put(s.last_record_id);
    out.put(s.observations);
    out.put(s.images_created);
    out.put(s.stopped_ns);
    out.put(static_cast<std::uint32_t>(s.connector_gaps.size()));
    for (const auto& gap : s.connector_gaps) {
        out.put(gap.id);
        out.put(gap.from_ns);
        out.put(gap.to_ns);
        out.put(gap.lost.value_or(-1));
        out.put_bytes(gap.why);
    }
    out.put(static_cast<std::uint32_t>(s.exits_in_snapshot.size()));
    for (const auto& exit : s.exits_in_snapshot) {
        out.put(exit.time_ns);
        out.put(exit.tid);
    }
    s.save_spaces(out);
    out.put(static_cast<std::uint32_t>(s.waiting_forks.size()));
    for (const WaitingFork& one : s.waiting_forks) {
        lineage::tree::save(one.fork, out);
        out.put(one.caller);
        out.put(one.since_ns);
    }
    out.put(static_cast<std::uint32_t>(s.uncertain_numbers.size()));
    for (const auto id : s.uncertain_numbers) out.put(id);
    out.put(static_cast<std::uint32_t>(s.openers.size()));
    for (const auto& [session, opener] : s.openers) {
        out.put(session);
        out.put(opener);
    }
    s.save_tampering(out);
    s.population.save(out);
}

base::Status Tracker::restore(std::string_view saved) {
    base::Decoder in(saved);
    if (in.get<std::uint32_t>() != saved_version) return base::fail("checkpoint", "written by another version");
    state_ = std::make_unique<State>();
    State& s = *state_;
    in.get(s.boot.id);
    s.boot.name = in.get_bytes();
    s.boot.host = in.get_bytes();
    in.get(s.boot.started_ns);
    in.get(s.boot.imported);
    const auto root = in.get<model::Id>();
    in.get(s.real_minus_mono_ns);
    in.get(s.recording_since_ns);
    in.get(s.connector_up);
    in.get(s.connector_since_ns);
    in.get(s.audit_up);
    in.get(s.deeds_since_ns);
    in.get(s.in_snapshot);
    in.get(s.looked_ns);
    in.get(s.newest_ns);
    in.get(s.newest_audit_ns);
    in.get(s.floor_serial);
    in.get(s.floor_ns);
    in.get(s.last_boot_id);
    in.get(s.last_gap_id);
    in.get(s.last_record_id);
    in.get(s.observations);
    in.get(s.images_created);
    in.get(s.stopped_ns);
    const auto gaps = in.get<std::uint32_t>();
    for (std::uint32_t i = 0; i < gaps && in.ok(); ++i) {
        auto& gap = s.connector_gaps.emplace_back();
        gap.boot = s.boot.id;
        gap.witness = model::Witness::connector;
        in.get(gap.id);
        in.get(gap.from_ns);
        in.get(gap.to_ns);
        if (const auto lost = in.get<std::int64_t>(); lost >= 0) gap.lost = lost;
        gap.why = in.get_bytes();
    }
    const auto exits = in.get<std::uint32_t>();
    for (std::uint32_t i = 0; i < exits && in.ok(); ++i) {
        auto& exit = s.exits_in_snapshot.emplace_back();
        in.get(exit.time_ns);
        in.get(exit.tid);
    }
    s.restore_spaces(in);
    const auto waiting = in.get<std::uint32_t>();
    for (std::uint32_t i = 0; i < waiting && in.ok(); ++i) {
        WaitingFork& one = s.waiting_forks.emplace_back();
        lineage::tree::restore(one.fork, in);
        in.get(one.caller);
        in.get(one.since_ns);
    }
    const auto uncertain = in.get<std::uint32_t>();
    for (std::uint32_t i = 0; i < uncertain && in.ok(); ++i) s.uncertain_numbers.push_back(in.get<model::Id>());
    const auto openers = in.get<std::uint32_t>();
    for (std::uint32_t i = 0; i < openers && in.ok(); ++i) {
        const auto session = in.get<std::uint32_t>();
        s.openers[session] = in.get<model::Id>();
    }
    s.restore_tampering(in);
    s.population.restore(in);
    s.root = s.population.find(root);
    for (const auto id : s.population.ids())
        if (!s.population.find(id)->nameless.empty()) s.with_nameless.insert(id);
    if (!in.ok()) return base::fail("checkpoint", "is damaged");
    return {};
}

}  // namespace lineage::tree
