#include "frame_decoder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "hash.hpp"
#include "lineage/procfs/entry.hpp"

namespace lineage::ingest {

namespace {

model::TimeNs sane(model::TimeNs time_ns) {
    return std::clamp<model::TimeNs>(time_ns, 0, model::time_ns_max);
}

model::TimeNs time_in(base::Decoder& in) {
    return sane(in.get<model::TimeNs>());
}

/// More than any kernel loses; whatever a hostile journal says, counts can be added.
constexpr std::int64_t lost_count_max = 1LL << 40;

}  // namespace

void FrameDecoder::frame(const model::Frame& received) {
    model::Frame frame = received;
    frame.received_ns = sane(frame.received_ns);
    if (!lost_why_.empty()) tell_lost_frames(frame.received_ns);
    last_received_ns_ = std::max(last_received_ns_, frame.received_ns);
    switch (frame.source) {
        case model::Source::control:
            control(frame);
            break;
        case model::Source::audit:
            assembler_.record(frame.type, frame.payload, frame.received_ns);
            break;
        case model::Source::audit_line:
            line(frame);
            break;
        case model::Source::connector:
            connector(frame);
            break;
        case model::Source::procfs:
            if (auto seen = procfs::decode(frame.payload)) take_(std::move(*seen));
            break;
    }
}

void FrameDecoder::control(const model::Frame& frame) {
    base::Decoder in(frame.payload);
    const auto now_ns = frame.received_ns;
    switch (static_cast<model::Control>(frame.type)) {
        case model::Control::boot:
            boot(in, now_ns);
            break;
        case model::Control::clock:
            real_minus_mono_ns_ = time_in(in);
            take_(model::ClockChanged{real_minus_mono_ns_, time_in(in), now_ns});
            break;
        case model::Control::connector_up:
            sequence_.reset();
            take_(model::ConnectorUp{now_ns});
            break;
        case model::Control::connector_down:
            take_(model::ConnectorDown{});
            break;
        case model::Control::connector_drained:
            take_(model::ConnectorDrained{time_in(in)});
            break;
        case model::Control::snapshot_begin:
            take_(model::SnapshotBegan{time_in(in)});
            break;
        case model::Control::snapshot_end:
            take_(model::SnapshotEnded{time_in(in)});
            snapshot_ended_ns_ = now_ns;
            break;
        case model::Control::lost:
            lost(in);
            break;
        case model::Control::idle:
            assembler_.advance(now_ns);
            take_(model::Idle{now_ns});
            break;
        case model::Control::stop:
            assembler_.finish();
            take_(model::Stopped{now_ns});
            break;
        case model::Control::tampered:
            tampered(in, now_ns);
            break;
        case model::Control::audit_up: {
            model::AuditUp up;
            in.get(up.alone);
            if (!in.rest().empty()) in.get(up.was_in_force);
            if (!in.rest().empty()) in.get(up.recorder);
            up.time_ns = now_ns;
            assembler_.keep_records(up.alone);  // beside another daemon its log has them
            take_(up);
            break;
        }
        case model::Control::audit_down:
            assembler_.finish();
            take_(model::AuditDown{});
            break;
        case model::Control::audit_looked: {
            model::AuditLooked look;
            look.asked_ns = time_in(in);
            look.answered_ns = time_in(in);
            if (in.ok() && !in.rest().empty()) {
                in.get(look.excludes);
                look.before.asked_ns = time_in(in);
                look.before.answered_ns = time_in(in);
                in.get(look.before.excludes);
            }
            if (in.ok()) take_(look);
            break;
        }
        case model::Control::audit_overrun:
            assembler_.overrun(in.get<bool>());
            break;
        case model::Control::resumed: {
            in.get<model::TimeNs>();
            model::Resumed resumed{time_in(in), 0};
            if (!in.rest().empty()) in.get(resumed.recorder);
            if (in.ok()) take_(resumed);
            break;
        }
    }
}

void FrameDecoder::boot(base::Decoder& in, model::TimeNs now_ns) {
    assembler_.finish();
    model::BootBegan began;
    began.name = in.get_bytes();
    began.host = in.get_bytes();
    began.real_minus_mono_ns = time_in(in);
    began.started_ns = time_in(in);
    began.time_ns = now_ns;
    if (!in.ok()) return;
    real_minus_mono_ns_ = began.real_minus_mono_ns;
    boot_known_ = true;
    sequence_.reset();
    take_(std::move(began));
}

void FrameDecoder::lost(base::Decoder& in) {
    model::Lost lost;
    in.get(lost.witness);
    lost.from_ns = time_in(in);
    lost.to_ns = time_in(in);
    const auto count = in.get<std::int64_t>();
    if (count >= 0) lost.count = std::min(count, lost_count_max);
    lost.why = in.get_bytes();
    if (!in.ok()) return;
    if (lost.witness == model::Witness::connector) {
        told_from_ns_ = lost.from_ns;
        told_to_ns_ = lost.to_ns;
        told_count_ = lost.count.has_value();
    }
    take_(std::move(lost));
}

void FrameDecoder::tampered(base::Decoder& in, model::TimeNs now_ns) {
    model::Tampered tampered;
    tampered.found_ns = tampered.episode = time_in(in);
    const auto kind = in.get<std::uint8_t>();
    tampered.from_ns = time_in(in);
    tampered.to_ns = time_in(in);
    in.get(tampered.times);
    in.get(tampered.recorder);
    tampered.what = in.get_bytes();
    if (!in.rest().empty()) in.get(tampered.by);
    tampered.told_ns = now_ns;
    if (!in.ok() || kind > static_cast<std::uint8_t>(model::Weakness::lost_reset)) return;
    tampered.kind = static_cast<model::Weakness>(kind);
    take_(std::move(tampered));
}

void FrameDecoder::connector(const model::Frame& frame) {
    const auto stamp = connector::stamp_of(frame.payload);
    if (!stamp) return;
    const auto hole = sequence_.step(*stamp);
    if (!hole) return;  // seen before
    const auto time_ns = static_cast<model::TimeNs>(stamp->time_ns) + real_minus_mono_ns_;
    if (hole->lost > 0) this->hole(*hole, time_ns);
    last_connector_ns_ = std::max(last_connector_ns_, time_ns);
    if (auto observation = connector::decode(frame.payload)) take_(std::move(*observation));
}

void FrameDecoder::hole(const connector::Sequence::Hole& hole, model::TimeNs until_ns) {
    // Another cpu's messages may have got through since: the interval begins with this cpu's own last one. A cpu may
    // have been silent for long, though, and where an overflow has been told since, that is when they were lost.
    const auto since_ns = static_cast<model::TimeNs>(hole.since_ns) + real_minus_mono_ns_;
    model::Lost lost{model::Witness::connector, std::min(since_ns, until_ns), until_ns, hole.lost,
                     "holes in the connector's sequence"};
    if (told_to_ns_ >= lost.from_ns && told_from_ns_ <= until_ns) {
        if (told_count_) return;
        lost.from_ns = std::max(lost.from_ns, told_from_ns_);
        lost.to_ns = std::min(until_ns, told_to_ns_);
    }
    take_(std::move(lost));
}

void FrameDecoder::line(const model::Frame& frame) {
    if (const auto stamp = audit::stamp_of(frame.payload)) return record(*stamp, frame.received_ns);
    assembler_.line(frame.payload, frame.received_ns);  // counts it
}

void FrameDecoder::record(const audit::LineStamp& line, model::TimeNs received_ns) {
    if (!boot_known_) {
        model::BootBegan began;
        began.host = line.node.empty() ? host_ : line.node;
        began.name =
            fmt::format("import-{:016x}", hash_of(fmt::format("{} {} {}", began.host, line.time_ns, line.serial)));
        began.started_ns = line.time_ns;
        began.imported = true;
        boot_known_ = true;
        take_(std::move(began));
    }
    assembler_.record(line.type, line.text, received_ns);
}

void FrameDecoder::tell_lost_frames(model::TimeNs until_ns) {
    model::Lost lost;
    lost.from_ns = last_received_ns_;
    lost.to_ns = std::max({until_ns, last_received_ns_, last_connector_ns_});
    lost.why = std::exchange(lost_why_, {});
    take_(lost);
    lost.witness = model::Witness::connector;
    take_(std::move(lost));
}

void FrameDecoder::save(base::Encoder& out) const {
    assembler_.save(out);
    sequence_.save(out);
    out.put(real_minus_mono_ns_);
    out.put(last_connector_ns_);
    out.put(told_from_ns_);
    out.put(told_to_ns_);
    out.put(told_count_);
    out.put(last_received_ns_);
    out.put(snapshot_ended_ns_);
    out.put(boot_known_);
    out.put_bytes(lost_why_);
}

void FrameDecoder::restore(base::Decoder& in) {
    assembler_.restore(in);
    sequence_.restore(in);
    in.get(real_minus_mono_ns_);
    in.get(last_connector_ns_);
    in.get(told_from_ns_);
    in.get(told_to_ns_);
    in.get(told_count_);
    in.get(last_received_ns_);
    in.get(snapshot_ended_ns_);
    in.get(boot_known_);
    lost_why_ = in.get_bytes();
}

}  // namespace lineage::ingest
