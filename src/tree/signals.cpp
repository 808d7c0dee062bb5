// Who sent the signal that a process died of: known where other people's rules record kill and its like.
#include <algorithm>
#include <csignal>

#include "state.hpp"

namespace lineage::tree {

namespace {

/// A signal is taken for the cause of a death this long: one that was handled, or blocked, is of no account later.
constexpr model::TimeNs cause_ns = memory_ns;

/// The first SIGKILL kills; of others the first may have been handled, so the last one counts.
bool supersedes(const SignalSent& later, const SignalSent& earlier) {
    return later.signal != SIGKILL || later.time_ns - earlier.time_ns > cause_ns;
}

void remember(Life& life, const SignalSent& sent) {
    const auto known = std::find_if(life.signals.begin(), life.signals.end(),
                                    [&](const SignalSent& one) { return one.signal == sent.signal; });
    if (known == life.signals.end())
        life.signals.push_back(sent);
    else if (supersedes(sent, *known))
        *known = sent;
}

}  // namespace

void Tracker::State::on(model::AuditSignal&& sent) {
    Life& sender = life_of(sent.task);
    state(sender, sent.task);
    for (const auto pid : sent.targets) {
        Life* const target = pid > 0 ? life_at(pid, sent.task.time_ns) : nullptr;
        // Who is dead but not yet reaped is sent signals still: then the next life of the pid has yet to begin.
        if (target == nullptr || target->from_ns() > sent.task.time_ns + tick_ns) continue;
        remember(*target, {sent.task.time_ns, sent.task.serial, sent.signal, sender.process.id});
        name_sender(*target);
    }
}

void Tracker::State::name_sender(Life& life) {
    if (life.alive() || !life.process.ended->signal) return;
    model::End& end = *life.process.ended;
    const auto cause = std::find_if(life.signals.begin(), life.signals.end(),
                                    [&](const SignalSent& one) { return one.signal == *end.signal; });
    if (cause == life.signals.end() || end.time_ns - cause->time_ns > cause_ns || end.by == cause->by) return;
    end.by = cause->by;
    population.touch(life);
}

void Tracker::State::move_signals(Life& from, Life& to, model::TimeNs since_ns) {
    const auto since = [&](const SignalSent& sent) { return sent.time_ns >= since_ns; };
    for (const SignalSent& sent : from.signals)
        if (since(sent)) remember(to, sent);
    std::erase_if(from.signals, since);
}

}  // namespace lineage::tree
