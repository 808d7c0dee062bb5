// From frames to observations: decodes each frame by its source and assembles audit records. Times that the connector
// measured come out as it measured them; `clock` frames say how they relate to the others.
#pragma once

#include <functional>
#include <string>

#include "lineage/audit/assembler.hpp"
#include "lineage/base/codec.hpp"
#include "lineage/connector/connector.hpp"
#include "lineage/model/frame.hpp"
#include "lineage/model/observation.hpp"

namespace lineage::ingest {

class FrameDecoder {
public:
    using Take = std::function<void(model::Observation&&)>;
    explicit FrameDecoder(Take take, const audit::AssemblerLimits& limits = {})
        : take_(std::move(take)), assembler_(take_, limits) {}

    void frame(const model::Frame& frame);
    /// A line of a log.
    void record(const audit::LineStamp& line, model::TimeNs received_ns);
    /// Whose log it is, where its lines do not say.
    void set_host(std::string host) { host_ = std::move(host); }
    /// The log's next line begins another boot: hands over what is held back of this one.
    void end_boot() {
        finish();
        boot_known_ = false;
    }
    /// No more frames: hands over what is held back.
    void finish() { assembler_.finish(); }
    /// Frames were lost between the last one and the next, which tells when that ended.
    void lost_frames(std::string why) { lost_why_ = std::move(why); }

    [[nodiscard]] const audit::AssemblerCounters& counters() const { return assembler_.counters(); }
    /// Receipt of the last snapshot_end frame so far.
    [[nodiscard]] model::TimeNs snapshot_ended_ns() const { return snapshot_ended_ns_; }

    void save(base::Encoder& out) const;
    void restore(base::Decoder& in);

private:
    void control(const model::Frame& frame);
    void boot(base::Decoder& in, model::TimeNs now_ns);
    void lost(base::Decoder& in);
    void tampered(base::Decoder& in, model::TimeNs now_ns);
    void connector(const model::Frame& frame);
    void line(const model::Frame& frame);
    void tell_lost_frames(model::TimeNs until_ns);
    /// The lost messages' interval ends at `until_ns`.
    void hole(const connector::Sequence::Hole& hole, model::TimeNs until_ns);

    Take take_;
    audit::Assembler assembler_;
    connector::Sequence sequence_;
    model::TimeNs real_minus_mono_ns_ = 0;
    model::TimeNs last_connector_ns_ = 0;  ///< real time
    /// The last loss of connector messages that capture told of, real time; with their number?
    model::TimeNs told_from_ns_ = 0;
    model::TimeNs told_to_ns_ = 0;
    bool told_count_ = false;
    model::TimeNs last_received_ns_ = 0;
    model::TimeNs snapshot_ended_ns_ = 0;
    bool boot_known_ = false;
    std::string lost_why_;  ///< not told yet; empty: none were lost
    std::string host_;
};

}  // namespace lineage::ingest
