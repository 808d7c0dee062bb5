// Frames on their way into the journal. An append that fails is counted, tried again after the next publish(), and
// told by a Lost frame per witness as soon as the journal works again.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "lineage/capture/capture.hpp"

namespace lineage::capture {

class Recording {
public:
    explicit Recording(FrameSink& sink) : sink_(sink) {}

    base::Status first(const model::Frame& frame) { return sink_.append(frame); }
    void append(const model::Frame& frame);
    void control(model::Control type, std::string_view payload, model::TimeNs now_ns);
    void lost(model::Witness witness, model::TimeNs from_ns, model::TimeNs to_ns, std::int64_t count,
              std::string_view why);
    void publish();
    /// True once after the journal has come back: what it missed should be looked up in /proc.
    bool take_recovered();
    [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

private:
    bool recover(model::TimeNs now_ns);
    void drop(const model::Frame& frame);

    struct Missed {
        model::Witness witness;
        std::int64_t frames = 0;
    };
    FrameSink& sink_;
    bool failing_ = false;
    bool try_again_ = false;
    bool recovered_ = false;
    model::TimeNs failing_since_ns_ = 0;
    std::string why_;
    std::array<Missed, 2> missed_{Missed{model::Witness::audit}, Missed{model::Witness::connector}};
    std::uint64_t dropped_ = 0;
};

}  // namespace lineage::capture
