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

}  // namespace

void Recording::append(const model::Frame& frame) {
    if (failing_ && !(try_again_ && recover(frame.received_ns))) return drop(frame);
    const auto appended = sink_.append(frame);
    if (appended) return;
    failing_ = true;
    failing_since_ns_ = frame.received_ns;
    why_ = appended.error().message();
    drop(frame);
}

/// Tells what was missed; only when the journal has taken that does it count as working.
bool Recording::recover(model::TimeNs now_ns) {
    try_again_ = false;
    for (Missed& missed : missed_) {
        if (missed.frames == 0) continue;
        const auto payload = lost_payload(missed.witness, failing_since_ns_, now_ns, missed.frames, why_);
        if (!sink_.append(control_frame(model::Control::lost, payload, now_ns))) return false;
        missed.frames = 0;
    }
    failing_ = false;
    recovered_ = true;
    return true;
}

void Recording::drop(const model::Frame& frame) {
    ++dropped_;
    if (frame.source == model::Source::audit || frame.source == model::Source::audit_line) ++missed_[0].frames;
    if (frame.source == model::Source::connector) ++missed_[1].frames;
}

void Recording::control(model::Control type, std::string_view payload, model::TimeNs now_ns) {
    append(control_frame(type, payload, now_ns));
}

void Recording::lost(model::Witness witness, model::TimeNs from_ns, model::TimeNs to_ns, std::int64_t count,
                     std::string_view why) {
    control(model::Control::lost, lost_payload(witness, from_ns, to_ns, count, why), to_ns);
}

void Recording::publish() {
    sink_.publish();
    try_again_ = true;
}

bool Recording::take_recovered() {
    return std::exchange(recovered_, false);
}

}  // namespace lineage::capture
