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
constexpr std::size_t changes_max = 4096;

bool has_our_key(const ConfigChange& change, What what) {
    return change.what == what && change.list == exit_list && change.name == our_key;
}

/// The stamp is that of the call, which may have waited for others', our own removals among them, for a good while.
model::TimeNs done_ns(const ConfigChange& change) {
    return std::max(change.time_ns, change.received_ns);
}

/// Such a rule we add, and a `never` that hides who adds it may carry our key.
bool may_be_ours(const ConfigChange& change) {
    return has_our_key(change, What::rule_added) && change.by == 0;
}

/// Of the settings those of which the records tell when all was as before.
std::optional<Weakness> kind_of(const ConfigChange& change) {
    if (change.what == What::rule_removed && change.list == exclude_list) return Weakness::records_excluded;
    const auto kind = may_be_ours(change) ? Weakness::rules_outranked : weakness_touched(change);
    if (change.what != What::setting) return kind;
    const bool weakens = (kind == Weakness::disabled && change.value == 0) ||
                         (kind == Weakness::rate_limit && change.value != 0) ||
                         (kind == Weakness::lost_reset && change.old > change.value);
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
        case Weakness::lost_reset:
            return "count of lost records " + std::to_string(deed.old) + " -> " + std::to_string(deed.value);
        case Weakness::rules_outranked:
            return "an unknown rule in the exit list for a while";
        case Weakness::tasks_exempted:
            return "an unknown rule in the task list for a while";
        default:
            return "an unknown rule that drops records, for a while";
    }
}

}  // namespace

/// All of them come back one by one.
Tracker::State::Undoing Tracker::State::putting_back(Changes::iterator deed) {
    Undoing undoing;
    for (auto at = std::next(deed); at != config_changes.end(); ++at) {
        if (has_our_key(*at, What::rule_removed) && undoing.sure_ns != model::time_ns_max) break;
        if (has_our_key(*at, What::rule_added)) undoing = {at->time_ns, done_ns(*at)};
    }
    return undoing;
}

/// No record tells when, only that it has been. Nor does a look that came too late to find it off, and then has told.
Tracker::State::Undoing Tracker::State::switching_on(const ConfigChange& deed) {
    Undoing undoing;
    for (const auto on_ns : {deed.audit_spoke_ns, deed.looked_ns})
        if (on_ns != 0) undoing = {deed.time_ns, std::min(undoing.sure_ns, on_ns)};
    return undoing;
}

/// The last one that was answered before it was made.
std::optional<model::AuditLook> Tracker::State::look_before(const ConfigChange& change) const {
    std::optional<model::AuditLook> last;
    for (const model::AuditLooked& told : audit_looks)
        for (const model::AuditLook& one : {static_cast<const model::AuditLook&>(told), told.before})
            if (one.asked_ns != 0 && one.answered_ns < change.time_ns && (!last || one.asked_ns > last->asked_ns))
                last = one;
    return last;
}

/// An `exclude` may drop the record of its own making, and those of all that is done below it; not of its end. Then
/// there were more at the look behind its removal than the look before and the records between account for. (What was
/// changed while the kernel listed them may stand in either picture: it counts so that it explains the most.)
Tracker::State::Undoing Tracker::State::removal_of_unknown(const ConfigChange& removal) const {
    if (removal.looked_ns == 0) return {};
    const auto behind = std::find_if(audit_looks.begin(), audit_looks.end(),
                                     [&](const auto& one) { return one.answered_ns == removal.looked_ns; });
    const auto before = look_before(removal);
    if (behind == audit_looks.end() || !before) return {removal.time_ns, removal.time_ns};
    std::int64_t explained = before->excludes;
    for (const ConfigChange& one : config_changes) {
        const auto at_ns = done_ns(one);
        if (one.list != exclude_list || at_ns < before->asked_ns || one.time_ns > behind->answered_ns) continue;
        const bool surely = one.time_ns > before->answered_ns && at_ns <= behind->asked_ns;
        if (one.what == What::rule_added) ++explained;
        if (one.what == What::rule_removed && surely) --explained;
    }
    if (behind->excludes <= explained) return {removal.time_ns, removal.time_ns};
    return {removal.time_ns, done_ns(removal), nullptr, before->asked_ns};
}

/// Where the rule may be one of ours, that a stranger removes it shows that it is not: ours, capture had told.
Tracker::State::Undoing Tracker::State::undoing_of(Changes::iterator deed, Weakness kind) {
    if (kind == Weakness::rules_removed) return putting_back(deed);
    if (kind == Weakness::disabled) return switching_on(*deed);
    if (kind == Weakness::records_excluded && deed->what == What::rule_removed) return removal_of_unknown(*deed);
    if (kind == Weakness::lost_reset) {
        if (deed->looked_ns == 0) return {};
        const auto before = look_before(*deed);
        return {deed->time_ns, done_ns(*deed), nullptr, before ? before->asked_ns : 0};
    }
    const auto at = std::find_if(std::next(deed), config_changes.end(), [&](const ConfigChange& change) {
        if (change.name != deed->name) return false;
        if (kind == Weakness::rate_limit) return change.what == What::setting && change.value == 0;
        return change.what == What::rule_removed && change.list == deed->list &&
               !(may_be_ours(*deed) && is_ours(change));
    });
    return at == config_changes.end() ? Undoing() : Undoing{at->time_ns, done_ns(*at), &*at};
}

/// The kernel tells who switches audit off, not who switches it on.
void Tracker::State::audit_spoke(model::TimeNs time_ns) {
    audit_is_to_speak = false;
    for (ConfigChange& change : config_changes) {
        if (change.audit_spoke_ns == 0 && time_ns > done_ns(change)) change.audit_spoke_ns = time_ns;
        audit_is_to_speak = audit_is_to_speak || change.audit_spoke_ns == 0;
    }
}

/// Our own calls have no record that names us, or name whom capture has named. A `never` of others hides them as well,
/// but rules of others we do not add, and after the first look none but to undo what capture tells of.
bool Tracker::State::is_ours(const ConfigChange& change) const {
    if (may_be_ours(change)) return recording_since_ns <= change.time_ns && change.time_ns <= first_look_ns;
    if (change.by == 0) return change.what != What::rule_added && change.time_ns >= recording_since_ns;
    const auto recorder = std::find_if(recorders.rbegin(), recorders.rend(),
                                       [&](const Recorder& one) { return one.since_ns <= change.time_ns + tick_ns; });
    return recorder != recorders.rend() && recorder->pid == change.pid;
}

/// What capture has told it has seen the end of; what records tell it has to hold to the end.
bool Tracker::State::is_told(Weakness kind, model::TimeNs from_ns, model::TimeNs to_ns) const {
    return std::any_of(tampering.begin(), tampering.end(), [&](const Tampering& one) {
        return one.kind == kind && one.tamper.from_ns - tick_ns <= from_ns &&
               from_ns <= (one.tamper.to_ns != 0 ? one.tamper.to_ns : one.told_ns) + tick_ns &&
               (one.recorder != 0 || to_ns <= one.tamper.to_ns);
    });
}

/// Perhaps: what has been added since capture found rules of ours missing, and looks like them.
bool Tracker::State::was_put_back(const ConfigChange& change) const {
    return may_be_ours(change) && std::any_of(tampering.begin(), tampering.end(), [&](const Tampering& one) {
               return one.kind == Weakness::rules_removed && one.recorder != 0 &&
                      one.found_ns - tick_ns <= change.time_ns && is_told(one.kind, change.time_ns, change.time_ns);
           });
}

void Tracker::State::on(model::AuditLooked&& look) {
    if (first_look_ns == 0) first_look_ns = look.answered_ns;
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
    if (boot.imported) return;       // another recorder's; which rules were in force nobody knows
    if (first_look_ns == 0) return;  // nor here: capture holds no rules
    // The records may lag behind everything else.
    const auto now_ns = all ? model::time_ns_max : newest_audit_ns;
    if (now_ns - deeds_looked_ns < look_every_ns) return;
    deeds_looked_ns = newest_audit_ns;
    for (auto deed = config_changes.begin(); deed != config_changes.end(); ++deed) {
        const auto kind = kind_of(*deed);
        if (!kind || is_ours(*deed)) deed->answered = true;
        if (deed->answered) continue;
        const auto undoing = undoing_of(deed, *kind);
        const bool is_seen = was_seen(*deed, undoing.from_ns);
        if ((is_seen ? deed->looked_ns : undoing.sure_ns) > now_ns - words_come_within_ns) continue;
        deed->answered = true;
        const bool is_known = is_told(*kind, deed->time_ns, undoing.sure_ns);
        const bool is_harmless =
            deed->what == What::rule_removed && deed->list == exclude_list && undoing.since_ns == 0;
        const bool is_news = !is_seen && !is_known && !is_harmless && !was_put_back(*deed);
        // He has removed his own rule, and none of ours.
        if (undoing.by != nullptr &&
            (is_news || (is_known && is_told(*kind, undoing.by->time_ns, undoing.by->time_ns))))
            undoing.by->answered = true;
        if (is_news) add_tampering(*kind, *deed, undoing);
    }
}

/// A flood of them is no place to hide one: what is over is told before it goes, and what is not a look finds.
void Tracker::State::make_room_for_change() {
    if (config_changes.size() < changes_max) return;
    tell_unseen_deeds(true);
    std::erase_if(config_changes, [](const ConfigChange& one) { return one.answered || !kind_of(one); });
    while (config_changes.size() > changes_max / 2) config_changes.pop_front();
}

/// What the same process does again soon is the same, and so is what nobody is known to have done. Who hides by it who
/// did it is taken for the one who undid it.
void Tracker::State::add_tampering(Weakness kind, const ConfigChange& deed, const Undoing& undoing) {
    const ConfigChange* const undone_by = undoing.by != nullptr && !is_ours(*undoing.by) ? undoing.by : nullptr;
    const ConfigChange* const culprit = deed.by != 0 ? &deed : undone_by;
    const auto by = culprit != nullptr ? culprit->by : 0;
    const auto is_lately = [&](const Tampering& one) {
        return one.recorder == 0 && one.kind == kind && deed.time_ns - one.told_ns < episode_ns;
    };
    const bool is_alarm = std::none_of(tampering.begin(), tampering.end(), is_lately);
    const auto same = std::find_if(tampering.begin(), tampering.end(), [&](const Tampering& one) {
        return is_lately(one) && (one.tamper.by == by || one.tamper.by == 0 || by == 0);
    });
    const bool is_new = same == tampering.end();
    Tampering& one = is_new ? begin_tampering(kind, deed.time_ns) : *same;
    if (is_new) {
        one.settled = true;
        one.tamper.what = text_of(kind, deed);
        one.tamper.from_ns = undoing.since_ns != 0 ? std::min(undoing.since_ns, deed.time_ns) : deed.time_ns;
        one.tamper.auid = deed.auid;
        one.tamper.times = 0;
        if (is_alarm)
            alarms.push_back("tampering: " + one.tamper.what + "; it was undone by others; see lineage status");
    }
    if (culprit != nullptr && culprit->by != 0 && (one.tamper.by == 0 || (one.tamper.inferred && deed.by != 0))) {
        one.tamper.by = culprit->by;
        one.tamper.pid = culprit->pid;
        one.tamper.auid = culprit->auid;
        one.tamper.inferred = deed.by == 0;
    }
    ++one.tamper.times;
    one.told_ns = one.tamper.to_ns = std::max(one.told_ns, undoing.sure_ns);
    tell(one);
}

}  // namespace lineage::tree
