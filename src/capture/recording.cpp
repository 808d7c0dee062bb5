#include "recording.hpp"

#include "clocks.hpp"
#include "lineage/base/codec.hpp"

namespace lineage::capture {

namespace {

std::string lost_payload(model::Witness witness, model::TimeNs from_ns, model::TimeNs to_ns, std::int64_t count,
                         std::string_view why) {
    std::string payload;
    base::Encoder out(payload);
    out.put(static_cast<std::uint8_t>(witness));
    out.put(from_ns);
    out.put(to_ns);
    out.put(count);
    out.put_bytes(why);
    return payload;
}

model::Frame control_frame(model::Control type, std::string_view payload, model::TimeNs now_ns) {
    return {.source = model::Source::control,
            .type = static_cast<std::uint16_t>(type),
            .received_ns = now_ns,
            .payload = payload};
}

/// What the frames behind it cannot be understood without.
bool outlives_others(const model::Frame& frame) {
    if (frame.source != model::Source::control) return false;
    const auto type = static_cast<model::Control>(frame.type);
    return type != model::Control::connector_drained && type != model::Control::idle;
}

}  // namespace

void Recording::append(const model::Frame& frame) {
    if (failing_) {
        wait(frame);
        return retry();
    }
    const auto appended = sink_.append(frame);
    if (!appended) begin_waiting(frame, appended);
}

base::Status Recording::first(const model::Frame& frame) {
    auto appended = sink_.append(frame);
    if (appended || appended.error().remedy != base::Remedy::waiting) return appended;
    begin_waiting(frame, appended);
    return {};
}

void Recording::begin_waiting(const model::Frame& frame, const base::Status& why) {
    failing_ = true;
    published_ = false;
    retry_due_ns_ = monotonic_now() + retry_ns_;
    why_ = why.error().message();
    wait(frame);
    if (on_change) on_change(why);
}

void Recording::wait(const model::Frame& frame) {
    Waiting& last = waiting_.emplace_back(Waiting{frame, std::string(frame.payload)});
    waiting_bytes_ += last.bytes();
    while (waiting_bytes_ > bytes_max_ && !waiting_.empty()) drop_oldest();
}

void Recording::drop_oldest() {
    Waiting oldest = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_bytes_ -= oldest.bytes();
    if (outlives_others(oldest.frame) && kept_.size() < kept_max) {
        kept_.push_back(std::move(oldest));
        return;
    }
    ++dropped_;
    const auto source = oldest.frame.source;
    if (source == model::Source::control || source == model::Source::procfs) return;  // told again, or asked again
    Missed& missed = missed_[source == model::Source::connector ? 1 : 0];
    if (missed.frames++ == 0) missed.from_ns = oldest.frame.received_ns;
    missed.to_ns = oldest.frame.received_ns;
}

void Recording::retry() {
    if (!failing_ || !published_ || monotonic_now() < retry_due_ns_) return;
    flush();
}

void Recording::flush() {
    if (!failing_) return;
    published_ = false;
    if (!hand_over(kept_) || !tell_missed() || !hand_over(waiting_)) {
        retry_due_ns_ = monotonic_now() + retry_ns_;
        return;
    }
    failing_ = false;
    sink_.publish();
    if (on_change) on_change({});
}

/// The frames at its front that the journal takes; true when that was all.
bool Recording::hand_over(std::deque<Waiting>& queue) {
    while (!queue.empty()) {
        if (!sink_.append(queue.front().view())) return false;
        if (&queue == &waiting_) waiting_bytes_ -= queue.front().bytes();
        queue.pop_front();
    }
    return true;
}

bool Recording::tell_missed() {
    for (Missed& missed : missed_) {
        if (missed.frames == 0) continue;
        const auto payload = lost_payload(missed.witness, missed.from_ns, missed.to_ns, missed.frames, why_);
        if (!sink_.append(control_frame(model::Control::lost, payload, missed.to_ns))) return false;
        missed.frames = 0;
        recovered_ = true;
    }
    return true;
}

void Recording::control(model::Control type, std::string_view payload, model::TimeNs now_ns) {
    append(control_frame(type, payload, now_ns));
}

void Recording::lost(model::Witness witness, model::TimeNs from_ns, model::TimeNs to_ns, std::int64_t count,
                     std::string_view why) {
    control(model::Control::lost, lost_payload(witness, from_ns, to_ns, count, why), to_ns);
}

void Recording::tampered(const model::Tampered& what) {
    std::string payload;
    base::Encoder out(payload);
    out.put(what.found_ns);
    out.put(what.kind);
    out.put(what.from_ns);
    out.put(what.to_ns);
    out.put(what.times);
    out.put(what.recorder);
    out.put_bytes(what.what);
    out.put(what.by);
    control(model::Control::tampered, payload, what.told_ns);
}

void Recording::publish() {
    if (!failing_) return sink_.publish();
    published_ = true;
    retry();
}

bool Recording::take_recovered() {
    return std::exchange(recovered_, false);
}

}  // namespace lineage::capture
