// Who weakened the recording. Capture says what it found and undid; who did it stands in the CONFIG_CHANGE event that
// the kernel wrote at the deed, which mostly has a system call record that names the process. Both come in either
// order, and the event may be missing: audit may have been off by then, or the deed have hidden it.
#include <algorithm>

#include "state.hpp"

namespace lineage::tree {

namespace {

using What = model::AuditConfigChange::What;

constexpr std::size_t tampering_max = 256;  // capture tells of each kind once in two seconds or so
constexpr model::TimeNs records_come_within_ns = 2'000'000'000;
constexpr model::TimeNs remembered_ns = 60'000'000'000;
// AUDIT_FILTER_* of include/uapi/linux/audit.h.
constexpr std::uint32_t task_list = 1;
constexpr std::uint32_t filesystem_list = 6;

bool is_about_audit(const Life& life) {
    constexpr std::string_view names[] = {"auditctl", "augenrules"};
    return std::find(std::begin(names), std::end(names), life.process.comm) != std::end(names);
}

}  // namespace

std::optional<model::Weakness> weakness_touched(const ConfigChange& change) {
    using model::Weakness;
    const bool is_like_ours = change.list == exit_list && change.name == our_key;
    if (change.what == What::rule_removed && is_like_ours) return Weakness::rules_removed;
    // Of one like ours and no name to it nobody knows that it is not.
    if (change.what == What::rule_added && !(is_like_ours && change.by == 0)) {
        if (change.list == exit_list) return Weakness::rules_outranked;
        if (change.list == task_list) return Weakness::tasks_exempted;
        if (change.list == exclude_list || change.list == filesystem_list) return Weakness::records_excluded;
    }
    if (change.what != What::setting) return std::nullopt;
    constexpr std::pair<std::string_view, Weakness> settings[] = {{"audit_enabled", Weakness::disabled},
                                                                  {"audit_backlog_limit", Weakness::backlog_limit},
                                                                  {"audit_backlog_wait_time", Weakness::backlog_wait},
                                                                  {"audit_rate_limit", Weakness::rate_limit},
                                                                  {"audit_pid", Weakness::registration},
                                                                  {"lost", Weakness::lost_reset}};
    for (const auto& [name, kind] : settings)
        if (change.name == name) return kind;
    return std::nullopt;
}

void Tracker::State::on(model::AuditConfigChange&& told) {
    ConfigChange change{.time_ns = told.task.time_ns,
                        .auid = told.auid,
                        .what = told.what,
                        .list = told.list,
                        .name = std::move(told.name),
                        .value = told.value,
                        .old = told.old,
                        .received_ns = told.received_ns};
    if (told.task.pid > 0) {
        Life& life = life_of(told.task);
        state(life, told.task);
        change.by = life.process.id;
        change.pid = life.process.pid;
    }
    advance(told.task.time_ns);
    if (!told.success || change.time_ns < deeds_since_ns) return;
    for (const model::AuditLooked& look : audit_looks) note_look(change, look);
    make_room_for_change();
    config_changes.push_back(std::move(change));
    audit_is_to_speak = true;
    for (Tampering& one : tampering) name_culprit(one);
}

Tampering& Tracker::State::begin_tampering(model::Weakness kind, model::TimeNs found_ns) {
    if (tampering.size() == tampering_max) tampering.erase(tampering.begin());
    Tampering& one = tampering.emplace_back();
    one.found_ns = found_ns;
    one.kind = kind;
    one.tamper.id = ++last_tamper_id;
    one.tamper.time_ns = found_ns;
    one.gap.id = ++last_gap_id;
    one.tamper.boot = one.gap.boot = boot.id;
    return one;
}

void Tracker::State::on(model::Tampered&& told) {
    ensure_boot(told.found_ns);
    advance(told.told_ns);
    auto found = std::find_if(tampering.begin(), tampering.end(), [&](const Tampering& one) {
        return one.episode == told.episode && one.kind == told.kind;
    });
    if (found == tampering.end()) {
        begin_tampering(told.kind, told.found_ns);
        found = std::prev(tampering.end());
        found->episode = told.episode;
        found->tamper.from_ns = std::min(told.from_ns, told.found_ns);
    }
    found->told_ns = told.told_ns;
    found->recorder = told.recorder;
    found->tamper.what = std::move(told.what);
    found->tamper.to_ns = told.to_ns;
    found->tamper.times = told.times;
    if (const Life* by = told.by > 0 ? population.newest(told.by) : nullptr; by != nullptr && found->tamper.by == 0) {
        found->tamper.by = by->process.id;
        found->tamper.pid = told.by;
        found->tamper.auid = by->process.credentials.auid;
    }
    name_culprit(*found);
    tell(*found);
}

/// By the record of the deed. Those with a system call record come first. Our own changes name us, or, where we are the
/// audit daemon, nobody; those can have been made only after the first look that found something.
void Tracker::State::name_culprit(Tampering& of) {
    if (of.recorder == 0) return;                          // told from that record: see deeds.cpp
    if (of.tamper.by != 0 && !of.tamper.inferred) return;  // what was guessed a late record corrects
    const auto until_ns = of.tamper.times > 1 ? std::max(of.told_ns, of.found_ns) : of.found_ns;
    for (const bool by_name : {true, false}) {
        if (!by_name && of.tamper.by != 0) return;
        const auto deed = std::find_if(config_changes.begin(), config_changes.end(), [&](const ConfigChange& change) {
            if (weakness_touched(change) != of.kind || (change.by != 0) != by_name ||
                (change.by != 0 && (change.pid == of.recorder || is_ours(change))))
                return false;
            const auto from_ns = by_name ? of.tamper.from_ns - tick_ns : of.tamper.from_ns;
            return from_ns <= change.time_ns && change.time_ns <= (by_name ? until_ns : of.found_ns);
        });
        if (deed == config_changes.end()) continue;
        const bool is_first = deed->time_ns <= of.found_ns;  // or it was done again
        const bool is_news = of.tamper.inferred || of.tamper.auid != deed->auid || of.tamper.by != deed->by ||
                             (is_first && of.tamper.time_ns != deed->time_ns);
        if (!is_news) return;
        if (is_first) of.tamper.time_ns = of.tamper.from_ns = deed->time_ns;
        of.tamper.auid = deed->auid;
        of.tamper.by = deed->by;
        of.tamper.inferred = false;
        of.tamper.pid = deed->pid;
        return tell(of);
    }
}

/// No record names it, and none will come: the one that was about audit then, if it was one alone; or who was found to
/// have done something else at the same time, which hid this.
void Tracker::State::guess_culprit(Tampering& of) {
    const auto overlaps = [&](const Tampering& other) {
        return other.tamper.by != 0 && other.tamper.from_ns <= of.found_ns && other.told_ns >= of.tamper.from_ns;
    };
    const auto other = std::find_if(tampering.begin(), tampering.end(), overlaps);
    const Life* culprit = other == tampering.end() ? nullptr : population.find(other->tamper.by);
    if (culprit == nullptr) {
        int candidates = 0;
        for (const auto id : population.ids()) {
            const Life& life = *population.find(id);
            const bool was_there = life.from_ns() <= of.found_ns &&
                                   (life.alive() || life.process.ended->time_ns + tick_ns >= of.tamper.from_ns);
            const bool has_its_name = life.images.empty() && life.parent != nullptr && is_about_audit(*life.parent);
            if (!was_there || !is_about_audit(life) || has_its_name) continue;
            culprit = &life;
            ++candidates;
        }
        if (candidates != 1) return;
    }
    of.tamper.by = culprit->process.id;
    of.tamper.pid = culprit->process.pid;
    of.tamper.inferred = true;
    if (of.tamper.auid == model::unset_uid) of.tamper.auid = culprit->process.credentials.auid;
    tell(of);
}

void Tracker::State::settle_tampering(bool all) {
    for (Tampering& one : tampering) {
        if (one.settled || (!all && newest_ns < one.found_ns + records_come_within_ns)) continue;
        one.settled = true;
        if (one.tamper.by == 0) guess_culprit(one);
    }
    tell_unseen_deeds(all);
    const auto long_ago = newest_audit_ns - remembered_ns;
    std::erase_if(tampering, [&](const Tampering& one) { return one.settled && one.told_ns < long_ago; });
    std::erase_if(config_changes, [&](const ConfigChange& one) { return one.answered && one.time_ns < long_ago; });
}

/// The impaired interval is a gap; of one that goes on its end is what has been seen of it.
void Tracker::State::tell(Tampering& one) {
    one.gap.from_ns = one.tamper.from_ns;
    one.gap.to_ns = std::max(one.tamper.to_ns != 0 ? one.tamper.to_ns : one.told_ns, one.gap.from_ns);
    one.gap.why = "tampering: " + one.tamper.what;
    std::erase_if(changed_tampering, [&](const model::Tamper& known) { return known.id == one.tamper.id; });
    changed_tampering.push_back(one.tamper);
    std::erase_if(changed_gaps, [&](const model::Gap& known) { return known.id == one.gap.id; });
    changed_gaps.push_back(one.gap);
}

void Tracker::State::save_tampering(base::Encoder& out) const {
    out.put(last_tamper_id);
    out.put(audit_is_to_speak);
    out.put(deeds_looked_ns);
    out.put(static_cast<std::uint32_t>(config_changes.size()));
    for (const ConfigChange& change : config_changes) {
        out.put(change.time_ns);
        out.put(change.by);
        out.put(change.pid);
        out.put(change.auid);
        out.put(change.what);
        out.put(change.list);
        out.put_bytes(change.name);
        out.put(change.value);
        out.put(change.old);
        out.put(change.received_ns);
        out.put(change.looked_ns);
        out.put(change.audit_spoke_ns);
        out.put(change.answered);
    }
    out.put(static_cast<std::uint32_t>(recorders.size()));
    for (const Recorder& one : recorders) {
        out.put(one.since_ns);
        out.put(one.pid);
    }
    out.put(audit_idle_ns);
    out.put(first_look_ns);
    out.put(static_cast<std::uint32_t>(audit_looks.size()));
    for (const model::AuditLooked& look : audit_looks) {
        out.put(look.asked_ns);
        out.put(look.answered_ns);
        out.put(look.excludes);
        out.put(look.before.asked_ns);
        out.put(look.before.answered_ns);
        out.put(look.before.excludes);
    }
    out.put(static_cast<std::uint32_t>(tampering.size()));
    for (const Tampering& one : tampering) {
        out.put(one.episode);
        out.put(one.found_ns);
        out.put(one.kind);
        out.put(one.told_ns);
        out.put(one.recorder);
        out.put(one.settled);
        out.put(one.gap.id);
        out.put(one.tamper.id);
        out.put(one.tamper.time_ns);
        out.put_bytes(one.tamper.what);
        out.put(one.tamper.by);
        out.put(one.tamper.inferred);
        out.put(one.tamper.pid);
        out.put(one.tamper.auid);
        out.put(one.tamper.from_ns);
        out.put(one.tamper.to_ns);
        out.put(one.tamper.times);
    }
}

void Tracker::State::restore_tampering(base::Decoder& in) {
    in.get(last_tamper_id);
    audit_is_to_speak = in.get<bool>();
    in.get(deeds_looked_ns);
    const auto changes = in.get<std::uint32_t>();
    for (std::uint32_t i = 0; i < changes && in.ok(); ++i) {
        ConfigChange& change = config_changes.emplace_back();
        in.get(change.time_ns);
        in.get(change.by);
        in.get(change.pid);
        in.get(change.auid);
        in.get(change.what);
        in.get(change.list);
        change.name = in.get_bytes();
        in.get(change.value);
        in.get(change.old);
        in.get(change.received_ns);
        in.get(change.looked_ns);
        in.get(change.audit_spoke_ns);
        change.answered = in.get<bool>();
    }
    const auto recorded_by = in.get<std::uint32_t>();
    for (std::uint32_t i = 0; i < recorded_by && in.ok(); ++i) {
        Recorder& one = recorders.emplace_back();
        in.get(one.since_ns);
        in.get(one.pid);
    }
    in.get(audit_idle_ns);
    in.get(first_look_ns);
    const auto looks = in.get<std::uint32_t>();
    for (std::uint32_t i = 0; i < looks && in.ok(); ++i) {
        model::AuditLooked& look = audit_looks.emplace_back();
        in.get(look.asked_ns);
        in.get(look.answered_ns);
        in.get(look.excludes);
        in.get(look.before.asked_ns);
        in.get(look.before.answered_ns);
        in.get(look.before.excludes);
    }
    const auto count = in.get<std::uint32_t>();
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
        Tampering& one = tampering.emplace_back();
        in.get(one.episode);
        in.get(one.found_ns);
        in.get(one.kind);
        in.get(one.told_ns);
        in.get(one.recorder);
        one.settled = in.get<bool>();
        in.get(one.gap.id);
        one.gap.boot = one.tamper.boot = boot.id;
        in.get(one.tamper.id);
        in.get(one.tamper.time_ns);
        one.tamper.what = in.get_bytes();
        in.get(one.tamper.by);
        one.tamper.inferred = in.get<bool>();
        in.get(one.tamper.pid);
        in.get(one.tamper.auid);
        in.get(one.tamper.from_ns);
        in.get(one.tamper.to_ns);
        in.get(one.tamper.times);
    }
}

}  // namespace lineage::tree
