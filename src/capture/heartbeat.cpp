#include "lineage/capture/heartbeat.hpp"

#include <linux/audit.h>

#include <algorithm>

#include "lineage/connector/connector.hpp"

namespace lineage::capture {

namespace {

using model::TimeNs;
using model::Witness;

constexpr TimeNs second = 1'000'000'000;
/// A record that has waited for room in the kernel's queue, on a machine at its limit, has come by then.
constexpr TimeNs patience_max_ns = 5 * second;
constexpr TimeNs retry_ns = second;
constexpr TimeNs word_pause_max_ns = 3600 * second;

}  // namespace

Heartbeat::Heartbeat(model::Witnesses expected, int period_s, TimeNs now_ns)
    : period_ns_(period_s * second),
      patience_ns_(std::min(period_ns_, patience_max_ns)),
      next_ns_(now_ns + std::min(period_ns_, second)) {
    for (const Witness one : {Witness::audit, Witness::connector})
        if (model::has(expected, one)) tracks_.push_back({one, false, false, now_ns});
}

void Heartbeat::begin(pid_t helper, TimeNs now_ns) {
    waiting_ = true;
    began_ns_ = now_ns;
    verdict_ns_ = now_ns + patience_ns_;
    helper_ = helper;
    needle_ = " pid=" + std::to_string(helper) + " ";
    for (Track& track : tracks_) track.seen = false;
}

void Heartbeat::see(const model::Frame& frame) {
    for (Track& track : tracks_) {
        if (track.seen) continue;
        if (track.witness == Witness::audit && frame.source == model::Source::audit) {
            track.seen = frame.type == AUDIT_SYSCALL && frame.payload.find(needle_) != std::string_view::npos;
        } else if (track.witness == Witness::connector && frame.source == model::Source::connector) {
            const auto told = connector::decode(frame.payload);
            const auto* const fork = told ? std::get_if<model::ConnectorFork>(&*told) : nullptr;
            track.seen = fork != nullptr && fork->parent_tgid == helper_;
        }
    }
    if (std::all_of(tracks_.begin(), tracks_.end(), [](const Track& track) { return track.seen; })) verdict_ns_ = 0;
}

std::optional<Heartbeat::Verdict> Heartbeat::verdict(TimeNs now_ns) {
    if (!waiting_ || now_ns < verdict_ns_) return std::nullopt;
    waiting_ = false;
    Verdict verdict;
    const bool time_for_word = now_ns - word_ns_ >= word_pause_ns_;
    for (Track& track : tracks_) {
        if (!track.seen) {
            verdict.missing = verdict.missing | track.witness;
            verdict.alarm = verdict.alarm || !track.failing;
        }
        // One that goes on is told of seldom, but whole when it ends.
        if (!track.seen && track.failing && !time_for_word) continue;
        const TimeNs to_ns = track.seen ? began_ns_ : now_ns;
        if (!track.seen || track.failing) verdict.lost.push_back({track.witness, track.good_ns, to_ns});
        track.failing = !track.seen;
        track.good_ns = to_ns;
    }
    if (verdict.missing != 0 && time_for_word) {
        word_ns_ = now_ns;
        word_pause_ns_ = std::min(std::max(2 * word_pause_ns_, period_ns_), word_pause_max_ns);
    }
    if (verdict.missing == 0) word_pause_ns_ = 0;
    next_ns_ = now_ns + (verdict.missing == 0 ? period_ns_ : retry_ns);
    return verdict;
}

}  // namespace lineage::capture
