// Deeds that capture could not see: who weakens the recording and undoes it himself before a picture of audit's state
// is taken, or before capture began (lineage-early has loaded the rules by then), has done it in the stream. What
// capture did see is not told again.
#include <algorithm>

#include "state.hpp"

namespace lineage::tree {

namespace {

using What = model::AuditConfigChange::What;
using model::Weakness;

constexpr model::TimeNs words_come_within_ns = 2'000'000'000;
constexpr model::TimeNs look_every_ns = 200'000'000;
constexpr model::TimeNs episode_ns = 60'000'000'000;
constexpr std::size_t looks_max = 64;

bool is_of_ours(const ConfigChange& change, What what) {
    return change.what == what && change.name == our_key;
}

/// Of the settings those of which the records tell when all was as before.
std::optional<Weakness> kind_of(const ConfigChange& change) {
    const auto kind = weakness_touched(change);
    if (change.what != What::setting) return kind;
    const bool weakens =
        (kind == Weakness::disabled && change.value == 0) || (kind == Weakness::rate_limit && change.value != 0);
    return weakens ? kind : std::nullopt;
}

std::string text_of(Weakness kind, const ConfigChange& deed) {
    switch (kind) {
        case Weakness::rules_removed:
            return "rules of ours missing for a while";
        case Weakness::disabled:
            return "audit enabled 1 -> 0 for a while";
        case Weakness::rate_limit:
            return "rate limit 0 -> " + std::to_string(deed.value) + " for a while";
        case Weakness::rules_outranked:
            return "an unknown rule in the exit list for a while";
        case Weakness::tasks_exempted:
            return "an unknown rule in the task list for a while";
        default:
            return "an unknown rule that drops records, for a while";
    }
}

using Changes = std::deque<ConfigChange>;

/// When all was as before; nullopt: not yet, as far as the records tell.
std::optional<model::TimeNs> undone_ns(const Changes& changes, Changes::const_iterator deed, Weakness kind) {
    if (kind == Weakness::disabled)
        return deed->audit_spoke_ns != 0 ? std::optional(deed->audit_spoke_ns) : std::nullopt;
    std::optional<model::TimeNs> undone;
    for (auto at = std::next(deed); at != changes.end(); ++at) {
        if (kind == Weakness::rules_removed) {
            // All of them come back one by one.
            if (is_of_ours(*at, What::rule_removed) && undone) return undone;
            if (is_of_ours(*at, What::rule_added)) undone = std::max(undone.value_or(0), at->time_ns);
            continue;
        }
        const bool is_it = kind == Weakness::rate_limit
                               ? at->what == What::setting && at->name == deed->name && at->value == 0
                               : at->what == What::rule_removed && at->list == deed->list && at->name == deed->name;
        if (is_it) return at->time_ns;
    }
    return undone;
}

}  // namespace

/// The kernel tells who switches audit off, not who switches it on.
void Tracker::State::audit_spoke(model::TimeNs time_ns) {
    audit_is_to_speak = false;
    for (ConfigChange& change : config_changes) {
        if (change.audit_spoke_ns == 0 && time_ns > change.time_ns) change.audit_spoke_ns = time_ns;
        audit_is_to_speak = audit_is_to_speak || change.audit_spoke_ns == 0;
    }
}

/// Our own calls have no record that names us, or name whom capture has named. A `never` of others hides them as well,
/// but rules of others we do not add.
bool Tracker::State::is_ours(const ConfigChange& change) const {
    if (change.by == 0) return change.what != What::rule_added && change.time_ns >= recording_since_ns;
    const auto recorder = std::find_if(recorders.rbegin(), recorders.rend(),
                                       [&](const Recorder& one) { return one.since_ns <= change.time_ns + tick_ns; });
    return recorder != recorders.rend() && recorder->pid == change.pid;
}

bool Tracker::State::is_told(Weakness kind, model::TimeNs time_ns) const {
    return std::any_of(tampering.begin(), tampering.end(), [&](const Tampering& one) {
        return one.kind == kind && one.tamper.from_ns - tick_ns <= time_ns &&
               time_ns <= (one.tamper.to_ns != 0 ? one.tamper.to_ns : one.told_ns) + tick_ns;
    });
}

void Tracker::State::on(model::AuditLooked&& look) {
    if (audit_looks.size() == looks_max) audit_looks.pop_front();
    audit_looks.push_back(look);
    for (ConfigChange& change : config_changes) note_look(change, look);
    // Of what a recorder had found that has died since the next one has a word of its own, or it is no more.
    for (Tampering& one : tampering) {
        if (one.tamper.to_ns != 0 || one.recorder == 0 || recorders.empty() || one.recorder == recorders.back().pid)
            continue;
        one.tamper.to_ns = look.answered_ns;
        tell(one);
    }
}

/// The stamp of a change is too early by up to a tick, so what tells that a look came after it is when the change's
/// record was there.
void Tracker::State::note_look(ConfigChange& change, const model::AuditLooked& look) {
    if (change.looked_ns == 0 && change.received_ns <= look.asked_ns) change.looked_ns = look.answered_ns;
}

/// Capture has looked between the deed and its end. What it found it tells, and what it did not weakened nothing. What
/// was done before it began, it has undone before the first look; but the rules that still stand then it has judged.
bool Tracker::State::was_seen(const ConfigChange& deed, model::TimeNs undone_ns) const {
    const bool was_judged = deed.what == What::rule_added || deed.time_ns >= recording_since_ns;
    return was_judged && deed.looked_ns != 0 && deed.looked_ns <= undone_ns;
}

void Tracker::State::tell_unseen_deeds(bool all) {
    if (boot.imported) return;        // another recorder's; which rules were in force nobody knows
    if (audit_looks.empty()) return;  // nor here: capture holds no rules
    // The records may lag behind everything else.
    const auto now_ns = all ? model::time_ns_max : newest_audit_ns;
    if (now_ns - deeds_looked_ns < look_every_ns) return;
    deeds_looked_ns = newest_audit_ns;
    for (auto deed = config_changes.begin(); deed != config_changes.end(); ++deed) {
        const auto kind = kind_of(*deed);
        if (!kind || is_ours(*deed)) deed->answered = true;
        if (deed->answered) continue;
        const auto undone = undone_ns(config_changes, deed, *kind);
        const auto undone_ns = undone.value_or(model::time_ns_max);
        const bool is_seen = was_seen(*deed, undone_ns);
        if ((is_seen ? deed->looked_ns : undone_ns) > now_ns - words_come_within_ns) continue;
        deed->answered = true;
        if (!is_seen && !is_told(*kind, deed->time_ns)) add_tampering(*kind, *deed, undone_ns);
    }
}

/// What comes again soon is the same.
void Tracker::State::add_tampering(Weakness kind, const ConfigChange& deed, model::TimeNs undone_ns) {
    const auto same = std::find_if(tampering.begin(), tampering.end(), [&](const Tampering& one) {
        return one.recorder == 0 && one.kind == kind && deed.time_ns - one.told_ns < episode_ns;
    });
    const bool is_new = same == tampering.end();
    Tampering& one = is_new ? begin_tampering(kind, deed.time_ns) : *same;
    if (is_new) {
        one.settled = true;
        one.tamper.what = text_of(kind, deed);
        one.tamper.from_ns = deed.time_ns;
        one.tamper.by = deed.by;
        one.tamper.pid = deed.pid;
        one.tamper.auid = deed.auid;
        one.tamper.times = 0;
        alarms.push_back("tampering: " + one.tamper.what + "; it was undone by others; see lineage status");
    }
    ++one.tamper.times;
    one.told_ns = one.tamper.to_ns = std::max(one.told_ns, undone_ns);
    tell(one);
}

}  // namespace lineage::tree
