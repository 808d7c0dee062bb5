#include "lineage/ingest/pipeline.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "lineage/connector/connector.hpp"
#include "lineage/procfs/entry.hpp"

namespace lineage::ingest {

namespace {

class StoreSink final : public tree::ChangeSink {
public:
    StoreSink(store::Writer& writer, bool replace_boots) : writer_(writer), replace_boots_(replace_boots) {}
    void boot(const model::Boot& boot) override {
        if (replace_boots_) writer_.drop_boot(boot.name);
        writer_.put(boot);
    }
    void process(const model::Process& process) override { writer_.put(process); }
    void image(model::Id owner, const model::Image& image) override { writer_.put(owner, image); }
    void images_end(model::Id owner, std::int32_t seq) override { writer_.drop_images(owner, seq); }
    void removed(model::Id process) override { writer_.drop(process); }
    void gap(const model::Gap& gap) override { writer_.put(gap); }

private:
    store::Writer& writer_;
    bool replace_boots_;
};

class NoSink final : public tree::ChangeSink {
    void boot(const model::Boot&) override {}
    void process(const model::Process&) override {}
    void image(model::Id, const model::Image&) override {}
    void images_end(model::Id, std::int32_t) override {}
    void removed(model::Id) override {}
    void gap(const model::Gap&) override {}
};

/// FNV-1a, 64 bits: a name for an imported log that is the same each time.
std::uint64_t hash_of(std::string_view bytes) {
    std::uint64_t hash = 14695981039346656037ULL;
    for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    return hash;
}

}  // namespace

struct Pipeline::State {
    store::Writer& writer;
    tree::Tracker tracker;
    audit::Assembler assembler;
    connector::Sequence sequence;
    model::TimeNs real_minus_mono_ns = 0;
    model::TimeNs last_connector_ns = 0;  ///< real time
    model::TimeNs last_received_ns = 0;
    bool importing = false;
    bool boot_known = false;
    model::TimeNs snapshot_ended_ns = 0;

    explicit State(store::Writer& into)
        : writer(into),
          assembler([this](model::Observation&& observation) { tracker.observe(std::move(observation)); }) {}

    void control(const model::Frame& frame);
    void connector(const model::Frame& frame);
    void line(const model::Frame& frame);
};

void Pipeline::State::control(const model::Frame& frame) {
    base::Decoder in(frame.payload);
    const auto now_ns = frame.received_ns;
    switch (static_cast<model::Control>(frame.type)) {
        case model::Control::boot: {
            assembler.finish();
            model::BootBegan began;
            began.name = in.get_bytes();
            began.host = in.get_bytes();
            in.get(began.real_minus_mono_ns);
            in.get(began.started_ns);
            began.time_ns = now_ns;
            if (!in.ok()) return;
            real_minus_mono_ns = began.real_minus_mono_ns;
            boot_known = true;
            sequence.reset();
            tracker.observe(std::move(began));
            break;
        }
        case model::Control::clock:
            in.get(real_minus_mono_ns);
            tracker.observe(model::ClockChanged{real_minus_mono_ns});
            break;
        case model::Control::connector_up:
            sequence.reset();
            tracker.observe(model::ConnectorUp{now_ns});
            break;
        case model::Control::connector_down: tracker.observe(model::ConnectorDown{}); break;
        case model::Control::connector_drained:
            tracker.observe(model::ConnectorDrained{in.get<model::TimeNs>()});
            break;
        case model::Control::snapshot_begin: tracker.observe(model::SnapshotBegan{in.get<model::TimeNs>()}); break;
        case model::Control::snapshot_end:
            tracker.observe(model::SnapshotEnded{in.get<model::TimeNs>()});
            snapshot_ended_ns = now_ns;
            break;
        case model::Control::lost: {
            model::Lost lost;
            in.get(lost.witness);
            in.get(lost.from_ns);
            in.get(lost.to_ns);
            const auto count = in.get<std::int64_t>();
            if (count >= 0) lost.count = count;
            lost.why = in.get_bytes();
            if (in.ok()) tracker.observe(std::move(lost));
            break;
        }
        case model::Control::idle: assembler.advance(now_ns); break;
        case model::Control::stop:
            assembler.finish();
            tracker.observe(model::Stopped{now_ns});
            break;
        case model::Control::audit_up: tracker.observe(model::AuditUp{in.get<bool>()}); break;
        case model::Control::audit_down:
            assembler.finish();
            tracker.observe(model::AuditDown{});
            break;
    }
}

void Pipeline::State::connector(const model::Frame& frame) {
    const auto stamp = connector::stamp_of(frame.payload);
    if (!stamp) return;
    const auto lost = sequence.step(*stamp);
    if (!lost) return;  // seen before
    const auto time_ns = static_cast<model::TimeNs>(stamp->time_ns) + real_minus_mono_ns;
    if (*lost > 0)
        tracker.observe(model::Lost{model::Witness::connector, last_connector_ns, time_ns, *lost,
                                    "holes in the connector's sequence"});
    last_connector_ns = std::max(last_connector_ns, time_ns);
    if (auto observation = connector::decode(frame.payload)) tracker.observe(std::move(*observation));
}

void Pipeline::State::line(const model::Frame& frame) {
    if (!boot_known) {
        const auto stamp = audit::stamp_of(frame.payload);
        if (stamp) {
            model::BootBegan began;
            began.host = stamp->node;
            began.name = fmt::format("import-{:016x}", hash_of(fmt::format("{} {} {}", stamp->node, stamp->time_ns, stamp->serial)));
            began.started_ns = stamp->time_ns;
            began.imported = true;
            boot_known = true;
            tracker.observe(std::move(began));
        }
    }
    assembler.line(frame.payload, frame.received_ns);
}

Pipeline::Pipeline(store::Writer& writer) : state_(std::make_unique<State>(writer)) {}
Pipeline::~Pipeline() = default;

void Pipeline::frame(const model::Frame& frame) {
    state_->last_received_ns = std::max(state_->last_received_ns, frame.received_ns);
    switch (frame.source) {
        case model::Source::control: state_->control(frame); break;
        case model::Source::audit: state_->assembler.record(frame.type, frame.payload, frame.received_ns); break;
        case model::Source::audit_line: state_->line(frame); break;
        case model::Source::connector: state_->connector(frame); break;
        case model::Source::procfs:
            if (auto seen = procfs::decode(frame.payload)) state_->tracker.observe(std::move(*seen));
            break;
    }
}

void Pipeline::finish() {
    state_->assembler.finish();
    state_->tracker.finish();
}

std::size_t Pipeline::pending() const { return state_->tracker.pending_changes(); }

void Pipeline::apply() {
    StoreSink sink(state_->writer, state_->importing);
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
    state_->assembler.save(out);
    state_->sequence.save(out);
    out.put(state_->real_minus_mono_ns);
    out.put(state_->last_connector_ns);
    out.put(state_->last_received_ns);
    out.put(state_->boot_known);
    state_->writer.set_position(position);
    state_->writer.set_checkpoint(position, saved);
    return state_->writer.commit();
}

base::Status Pipeline::restore(const store::Progress& progress) {
    if (progress.checkpoint.empty()) {
        const auto last = state_->writer.last_ids();
        if (!last) return tl::unexpected(last.error());
        state_->tracker.reserve_ids(last->process, last->boot, last->gap);
        return {};
    }
    base::Decoder in(progress.checkpoint);
    if (auto restored = state_->tracker.restore(in.get_bytes()); !restored) return restored;
    state_->assembler.restore(in);
    state_->sequence.restore(in);
    in.get(state_->real_minus_mono_ns);
    in.get(state_->last_connector_ns);
    in.get(state_->last_received_ns);
    in.get(state_->boot_known);
    if (!in.ok()) return base::fail("checkpoint", "is damaged");
    return {};
}

void Pipeline::discard_changes() {
    NoSink nowhere;
    state_->tracker.take_changes(nowhere);
    state_->tracker.take_questions();
}

std::vector<tree::Question> Pipeline::take_questions() { return state_->tracker.take_questions(); }

void Pipeline::importing(bool on) { state_->importing = on; }

void Pipeline::lost_frames(std::string why, model::TimeNs until_ns) {
    model::Lost lost;
    lost.from_ns = state_->last_received_ns;
    lost.to_ns = std::max({until_ns, state_->last_received_ns, state_->last_connector_ns});
    lost.why = std::move(why);
    state_->tracker.observe(lost);
    lost.witness = model::Witness::connector;
    state_->tracker.observe(std::move(lost));
}

Pipeline::Counts Pipeline::counts() const {
    return {state_->tracker.counters(), state_->assembler.counters(), state_->snapshot_ended_ns};
}

}  // namespace lineage::ingest
