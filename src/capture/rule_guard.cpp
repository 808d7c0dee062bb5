#include "lineage/capture/rule_guard.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "clocks.hpp"

namespace lineage::capture {

namespace {

using model::TimeNs;
using model::Weakness;

constexpr TimeNs ms = 1'000'000;
constexpr int pause_min_ms = 10;
constexpr std::size_t whats_max = 8;  // different ones of an episode that are kept

/// The longest says most: of a loader that removes one rule after the other it is the one that found most of them gone.
std::string text_of(const std::set<std::string>& whats) {
    std::string text;
    for (const auto& what : whats)
        if (what.size() > text.size()) text = what;
    return whats.size() > 1 ? fmt::format("{} (and {} more findings)", text, whats.size() - 1) : text;
}

std::string alarm_text(const model::Tampered& told) {
    auto text = "tampering: " + told.what;
    if (told.times > 1) text += fmt::format(", {} times", told.times);
    if (told.to_ns == 0 && told.times > 0) return text + "; it comes back, or cannot be undone";
    if (told.to_ns == 0) return text + "; not undone";
    return text + fmt::format("; undone, the recording was impaired for at most {} ms; see lineage status",
                              std::max<TimeNs>(told.to_ns - told.from_ns, 0) / ms);
}

}  // namespace

AuditWatch::Answer Episodes::see(const audit::Picture& picture, const audit::Wanted& wanted, TimeNs asked_ns,
                                 Moment now, Mender& mender) {
    AuditWatch::Answer answer;
    answer.lost = picture.state.lost;
    close(now, answer);
    auto findings = audit::find_weaknesses(picture, wanted);
    if (picture.state.lost < lost_)
        findings.push_back(
            {Weakness::lost_reset, fmt::format("count of lost records {} -> {}", lost_, picture.state.lost), {}, 0});
    lost_ = picture.state.lost;
    is_over_without(findings, now);
    for (const auto& finding : findings) note(finding, now);
    good_ns_ = asked_ns;
    mend(findings, picture, now, mender, answer);
    say(now, answer);
    return answer;
}

std::vector<model::Tampered> Episodes::find_before(const std::vector<audit::Finding>& findings, Moment now) {
    AuditWatch::Answer answer;
    for (const auto& finding : findings) {
        note(finding, now);
        Episode& episode = episodes_.at(finding.kind);
        episode.told.times = 1;
        episode.is_fresh = true;
    }
    say(now, answer);
    return answer.tampering;
}

void Episodes::is_over_without(const std::vector<audit::Finding>& findings, Moment now) {
    for (auto& [kind, episode] : episodes_) {
        const bool is_found = std::any_of(findings.begin(), findings.end(),
                                          [&, kind = kind](const audit::Finding& one) { return one.kind == kind; });
        const bool was_fresh = std::exchange(episode.is_fresh, false);
        if (is_found || episode.told.to_ns != 0) continue;
        episode.told.to_ns = now.real_ns;
        episode.told.what = text_of(episode.whats);
        episode.has_news = true;
        if (was_fresh) episode.word_ns.reset();
    }
}

/// Alarms go on as of the one before.
void Episodes::begin(Episode& episode, const audit::Finding& finding, Moment now) const {
    episode.told = {now.real_ns, finding.kind, good_ns_, 0, now.real_ns, 0, ::getpid(), finding.by, {}};
    episode.whats.clear();
    episode.word_ns.reset();
}

void Episodes::note(const audit::Finding& finding, Moment now) {
    Episode& episode = episodes_[finding.kind];
    const bool was_calm = now.mono_ns - episode.found_ns > timing_.calm_ms * ms;
    const bool is_told = episode.told.to_ns != 0 && !episode.has_news;
    if (episode.whats.empty() || (was_calm && is_told)) begin(episode, finding, now);
    if (episode.whats.size() < whats_max) episode.whats.insert(finding.what);
    episode.told.what = text_of(episode.whats);
    episode.told.to_ns = 0;
    if (was_calm) episode.pause_ms = 0;
    episode.found_ns = now.mono_ns;
    episode.has_news = episode.has_alarm = true;
}

/// Those whose time has come. What keeps coming back puts off the next look as well; what was refused does not: nothing
/// has changed, and others are not to wait for it.
void Episodes::mend(const std::vector<audit::Finding>& findings, const audit::Picture& picture, Moment now,
                    Mender& mender, AuditWatch::Answer& answer) {
    const auto look_in = [&](int pause_ms) {
        if (answer.again_ms < 0 || pause_ms < answer.again_ms) answer.again_ms = answer.pause_ms = pause_ms;
    };
    std::vector<audit::Finding> due;
    std::set<Weakness> kinds;
    for (const auto& finding : findings) {
        const Episode& episode = episodes_.at(finding.kind);
        if (episode.pause_ms == 0 || now.mono_ns >= episode.mend_earliest_ns) {
            due.push_back(finding);
            kinds.insert(finding.kind);
        } else if (!episode.is_refused) {
            look_in(static_cast<int>((episode.mend_earliest_ns - now.mono_ns) / ms) + 1);
        }
    }
    if (due.empty()) return;
    const TimeNs began_ns = monotonic_now();
    const auto mended = mender.mend(due, picture.rules);
    const TimeNs took_ns = monotonic_now() - began_ns;
    for (const auto kind : kinds) {
        Episode& episode = episodes_.at(kind);
        const auto done = mended.find(kind);
        episode.is_refused = done != mended.end() && !done->second;
        answer.reconcile = answer.reconcile || episode.pause_ms == 0;
        episode.pause_ms = std::clamp(episode.pause_ms * 2, pause_min_ms, timing_.pause_max_ms);
        episode.mend_earliest_ns = now.mono_ns + took_ns + episode.pause_ms * ms;
        if (episode.is_refused) {
            episode.told.what = text_of(episode.whats) + " (" + done->second.error().message() + ")";
            continue;
        }
        if (++episode.told.times == 1) episode.is_fresh = true;
        look_in(episode.pause_ms);  // is it as it should be now?
    }
}

void Episodes::say(Moment now, AuditWatch::Answer& answer) {
    const TimeNs interval_ns = timing_.alarm_interval_s * 1000 * ms;
    const auto is_due = [&](bool has, const std::optional<TimeNs>& last_ns, TimeNs pause_ns) {
        return has && (!last_ns || now.mono_ns - *last_ns >= pause_ns);
    };
    for (auto& [kind, episode] : episodes_) {
        if (is_due(episode.has_news, episode.word_ns, timing_.word_ms * ms)) tell(episode, now, answer);
        if (!episode.is_fresh && is_due(episode.has_alarm, episode.alarm_ns, interval_ns)) {
            answer.alarms.push_back(alarm_text(episode.told));
            episode.alarm_ns = now.mono_ns;
            episode.has_alarm = false;
        }
        if (answer.again_ms < 0 && (episode.has_news || episode.has_alarm)) answer.again_ms = timing_.word_ms;
    }
}

void Episodes::tell(Episode& episode, Moment now, AuditWatch::Answer& answer) {
    episode.told.told_ns = now.real_ns;
    answer.tampering.push_back(episode.told);
    episode.word_ns = now.mono_ns;
    episode.has_news = false;
}

/// Those that have been quiet for long; what comes now is another one.
void Episodes::close(Moment now, AuditWatch::Answer& answer) {
    const TimeNs quiet_ns = std::max(timing_.alarm_interval_s * 1000, timing_.calm_ms) * ms;
    for (auto at = episodes_.begin(); at != episodes_.end();) {
        Episode& episode = at->second;
        const bool is_over = now.mono_ns - episode.found_ns >= quiet_ns;
        if (is_over && episode.has_news) tell(episode, now, answer);
        if (is_over && episode.has_alarm) answer.alarms.push_back(alarm_text(episode.told));
        at = is_over ? episodes_.erase(at) : std::next(at);
    }
}

RuleGuard::RuleGuard(AuditHold& hold, int socket, GuardTiming timing, TimeNs good_ns)
    : hold_(hold),
      socket_(socket),
      registered_(socket < 0 ? 0 : hold.registered()),
      episodes_(timing, hold.lost(), good_ns) {}

std::vector<model::Tampered> RuleGuard::find_before() {
    return episodes_.find_before(hold_.weakened_meanwhile(), {realtime_now(), monotonic_now()});
}

audit::Wanted RuleGuard::wanted() const {
    return hold_.wanted(registered_);
}

void RuleGuard::request() {
    constexpr TimeNs patience_ns = 500 * ms;
    const auto now_ns = realtime_now();
    // Asking anew would give up the picture that is on its way, on a busy machine time and again.
    ask_again_ = hold_.control().picture_comes() && now_ns - asked_ns_ < patience_ns && now_ns >= asked_ns_;
    if (ask_again_) return;
    asked_ns_ = now_ns;
    (void)hold_.control().request_picture(hold_.has_rules());
}

std::optional<AuditWatch::Answer> RuleGuard::take() {
    const auto picture = hold_.control().take_picture();
    if (!picture) return std::nullopt;
    if (registered_ != 0 && picture->state.pid == static_cast<std::uint32_t>(::getpid()))
        registered_ = picture->state.pid;  // one before us was, until it had to be done again
    const auto wanted = this->wanted();
    if (listening_along_ && picture->state.pid == wanted.pid) listening_along_ = !audit::listen_along(socket_, false);
    const Episodes::Moment now{realtime_now(), monotonic_now()};
    auto answer = episodes_.see(*picture, wanted, asked_ns_, now, *this);
    answer.asked_ns = asked_ns_;
    answer.excludes = audit::count_excludes(picture->rules);
    (void)hold_.tidy(picture->rules);
    if (std::exchange(ask_again_, false)) answer.again_ms = answer.pause_ms;
    return answer;
}

Mended RuleGuard::mend(const std::vector<audit::Finding>& findings, const std::vector<std::string>& in_force) {
    auto mended = hold_.mend(findings, in_force);
    const auto registration = mended.find(Weakness::registration);
    if (registration == mended.end()) return mended;
    registration->second = audit::register_again(socket_);
    // Another one may be registered meanwhile and stay so.
    if (!listening_along_) listening_along_ = audit::listen_along(socket_, true).has_value();
    return mended;
}

}  // namespace lineage::capture
