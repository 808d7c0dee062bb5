#include "lineage/ingest/pipeline.hpp"

#include <algorithm>
#include <utility>

#include "frame_decoder.hpp"
#include "hash.hpp"
#include "steady_clock.hpp"
#include "store_sink.hpp"

namespace lineage::ingest {

namespace {

class NoSink final : public tree::ChangeSink {
    void boot(const model::Boot&) override {}
    void process(const model::Process&) override {}
    void image(model::Id, const model::Image&) override {}
    void images_end(model::Id, std::int32_t) override {}
    void attempts(model::Id, const std::vector<model::Attempt>&) override {}
    void record(model::Id, model::Id, const model::KeptEvent&) override {}
    void record_moved(model::Id, model::Id) override {}
    void removed(model::Id) override {}
    void gap(const model::Gap&) override {}
    void tamper(const model::Tamper&) override {}
};

/// Turns the tracker's steady times back into those that the clock showed.
class RealTimeSink final : public tree::ChangeSink {
public:
    RealTimeSink(const SteadyClock& clock, tree::ChangeSink& next) : clock_(clock), next_(next) {}

private:
    void boot(const model::Boot& boot) override { next_.boot(real(boot)); }
    void process(const model::Process& process) override { next_.process(real(process)); }
    void image(model::Id owner, const model::Image& image) override { next_.image(owner, real(image)); }
    void images_end(model::Id owner, std::int32_t seq) override { next_.images_end(owner, seq); }
    void attempts(model::Id owner, const std::vector<model::Attempt>& attempts) override {
        auto copies = attempts;
        for (auto& one : copies) clock_.make_real(one);
        next_.attempts(owner, copies);
    }
    /// Its stamp is what the records say, which nobody has made steady.
    void record(model::Id id, model::Id owner, const model::KeptEvent& event) override {
        next_.record(id, owner, event);
    }
    void record_moved(model::Id id, model::Id owner) override { next_.record_moved(id, owner); }
    void removed(model::Id process) override { next_.removed(process); }
    void gap(const model::Gap& gap) override { next_.gap(real(gap)); }
    void tamper(const model::Tamper& tamper) override { next_.tamper(real(tamper)); }

    template <class Row>
    Row real(Row row) const {
        clock_.make_real(row);
        return row;
    }

    const SteadyClock& clock_;
    tree::ChangeSink& next_;
};

}  // namespace

struct Pipeline::State {
    store::Writer& writer;
    tree::Tracker tracker;
    SteadyClock clock;
    FrameDecoder decoder;

    State(store::Writer& into, const audit::AssemblerLimits& limits)
        : writer(into),
          decoder([this](model::Observation&& observation) { observe(std::move(observation)); }, limits) {}

    void observe(model::Observation&& observation) {
        auto gaps = clock.make_steady(observation);
        tracker.observe(std::move(observation));
        for (auto& gap : gaps) tracker.observe(std::move(gap));
    }
};

Pipeline::Pipeline(store::Writer& writer, const audit::AssemblerLimits& limits)
    : state_(std::make_unique<State>(writer, limits)) {}
Pipeline::~Pipeline() = default;

void Pipeline::know(const model::Boot& boot, std::vector<model::Node>&& lives) {
    state_->tracker.know(boot, std::move(lives));
}

void Pipeline::frame(const model::Frame& frame) {
    state_->decoder.frame(frame);
}

void Pipeline::finish() {
    state_->decoder.finish();
    state_->tracker.finish();
}

std::size_t Pipeline::pending() const {
    return state_->tracker.pending_changes();
}

void Pipeline::apply() {
    StoreSink store(state_->writer, false);
    if (state_->clock.never_changed()) return state_->tracker.take_changes(store);
    RealTimeSink sink(state_->clock, store);
    state_->tracker.take_changes(sink);
}

base::Status Pipeline::commit(std::uint64_t position) {
    if (auto begun = state_->writer.begin(); !begun) return begun;
    apply();
    state_->writer.set_position(position);
    return state_->writer.commit();
}

base::Status Pipeline::commit_with_checkpoint(std::uint64_t position) {
    if (auto begun = state_->writer.begin(); !begun) return begun;
    apply();
    std::string saved;
    base::Encoder out(saved);
    std::string tracker;
    state_->tracker.save(tracker);
    out.put_bytes(tracker);
    state_->clock.save(out);
    state_->decoder.save(out);
    out.put(hash_of(saved));
    state_->writer.set_position(position);
    state_->writer.set_checkpoint(position, saved);
    return state_->writer.commit();
}

base::Status Pipeline::restore(const store::Progress& progress) {
    if (progress.checkpoint.empty()) {
        const auto last = state_->writer.last_ids();
        if (!last) return tl::unexpected(last.error());
        reserve_ids(*last);
        return {};
    }
    const std::string_view checkpoint = progress.checkpoint;
    const auto body = checkpoint.substr(0, checkpoint.size() - std::min(checkpoint.size(), sizeof(std::uint64_t)));
    if (base::Decoder(checkpoint.substr(body.size())).get<std::uint64_t>() != hash_of(body))
        return base::fail("checkpoint", "is damaged, or of another version");
    base::Decoder in(body);
    if (auto restored = state_->tracker.restore(in.get_bytes()); !restored) return restored;
    state_->clock.restore(in);
    state_->decoder.restore(in);
    if (!in.ok()) return base::fail("checkpoint", "is damaged");
    return {};
}

void Pipeline::reserve_ids(const store::LastIds& taken) {
    state_->tracker.reserve_ids({taken.process, taken.boot, taken.gap, taken.tamper, taken.record});
}

void Pipeline::discard_changes() {
    NoSink nowhere;
    state_->tracker.take_changes(nowhere);
    state_->tracker.take_questions();
    state_->tracker.take_alarms();
}

std::vector<std::string> Pipeline::take_alarms() {
    return state_->tracker.take_alarms();
}

std::vector<tree::Question> Pipeline::take_questions() {
    return state_->tracker.take_questions();
}

void Pipeline::lost_frames(std::string why) {
    state_->decoder.lost_frames(std::move(why));
}

Pipeline::Counts Pipeline::counts() const {
    return {state_->tracker.counters(), state_->decoder.counters(), state_->decoder.snapshot_ended_ns(),
            state_->clock.now_ns()};
}

}  // namespace lineage::ingest
