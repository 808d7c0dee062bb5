// The recorder's tracker: from where the database says it left off, frame by frame, as capture writes them.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "lineage/ingest/pipeline.hpp"
#include "lineage/journal/journal.hpp"
#include "remembering.hpp"

namespace lineage::ingest {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int nap_ms = 20;      // between looks at whether to stop
constexpr int look_every = 64;  // frames between looks at the clock and at the tracker's questions
constexpr const char* forgotten = "the tracker's saved state could not be used";
constexpr const char* missing = "the journal lacks what was not yet consumed";

class Follower {
public:
    Follower(const FollowOptions& options, store::Writer& writer) : options_(options), writer_(writer) {}

    base::Status run(const volatile int& stop_requested) {
        for (;;) {
            auto done = follow(stop_requested);
            if (done || done.error().remedy != base::Remedy::waiting) return done;
            while (!done) {
                tell(done);
                for (int left_ms = options_.retry_ms; left_ms > 0 && stop_requested == 0; left_ms -= nap_ms) {
                    options_.alive();
                    ::poll(nullptr, 0, std::min(left_ms, nap_ms));
                }
                if (stop_requested != 0) return done;
                done = probe();
                if (!done && done.error().remedy != base::Remedy::waiting) return done;
            }
        }
    }

private:
    /// Can the store be written again? A small write tells before the journal is read again from the checkpoint on.
    base::Status probe() {
        const auto progress = writer_.progress();
        if (!progress) return tl::unexpected(progress.error());
        if (auto begun = writer_.begin(); !begun) return begun;
        writer_.set_position(progress->position);
        return writer_.commit();
    }

    void tell(const base::Status& status) {
        if (status && !troubled_) return;
        troubled_ = !status;  // an error is told each time, it may be another one
        if (options_.tell) options_.tell(status);
    }

    /// From where the store stands: what was derived and not committed is derived again.
    base::Status follow(const volatile int& stop_requested) {
        pipeline_ = std::make_unique<Pipeline>(writer_);
        if (auto ready = resume(); !ready) return ready;
        while (true) {
            model::Frame frame;
            auto next = reader_->next(frame);
            if (!next) return tl::unexpected(next.error());
            if (*next == journal::Reader::Next::frame) {
                take(frame);
                if (!worth_a_look() || !due()) continue;
            } else if (stop_requested != 0) {
                return checkpoint();
            } else if (!due()) {
                if (pipeline_->pending() == 0) tell({});  // caught up; before that it may fail again
                ask();
                const auto more = writer_.keep_within(options_.bounds, pipeline_->counts().now_ns);
                if (!more) return tl::unexpected(more.error());
                if (!*more) reader_->wait(pipeline_->pending() == 0 ? options_.commit_ms * 10 : wait_ms());
                continue;
            }
            if (auto committed = commit(); !committed) return committed;
            if (auto kept = writer_.keep_within(options_.bounds, pipeline_->counts().now_ns); !kept)
                return tl::unexpected(kept.error());
        }
    }

    base::Status resume() {
        auto progress = writer_.progress();
        if (!progress) return tl::unexpected(progress.error());
        if (auto restored = pipeline_->restore(*progress); !restored)
            if (auto begun = begin_anew(*progress, restored); !begun) return begun;
        auto reader = journal::Reader::open(options_.journal, progress->checkpoint_position);
        if (!reader) return tl::unexpected(reader.error());
        reader_.emplace(std::move(*reader));
        if (auto replayed = replay(progress->position); !replayed) return replayed;
        facts_written_ = false;
        return checkpoint();
    }

    /// A checkpoint of another version, or damaged: what is in the store stays, and tells who lives; what the state
    /// knew beyond that (a record half told, who was just being born) is a gap.
    base::Status begin_anew(store::Progress& progress, const base::Status& why) {
        tell(why);
        pipeline_ = std::make_unique<Pipeline>(writer_);
        progress.checkpoint.clear();
        progress.checkpoint_position = progress.position;
        if (auto fresh = pipeline_->restore(progress); !fresh) return fresh;
        if (options_.history == nullptr) return {};
        const auto known_until = remember(*pipeline_, *options_.history, options_.facts);
        if (!known_until) return tl::unexpected(known_until.error());
        forgot_ = true;
        return {};
    }

    /// Frames before `position` are in the database already: they only bring the state up to there. What is missing
    /// among them is missing in the state; the first frame behind the hole tells how long it was.
    base::Status replay(journal::Position position) {
        model::Frame frame;
        bool is_new = false;
        bool skipped = reader_->take_skipped();
        while (!is_new && (skipped || reader_->position() < position)) {
            auto next = reader_->next(frame);
            if (!next) return tl::unexpected(next.error());
            if (*next == journal::Reader::Next::at_end) break;
            skipped |= reader_->take_skipped();
            is_new = reader_->position() > position;  // the hole reaches beyond it
            if (!is_new) pipeline_->frame(frame);
            if (++since_looked_ % look_every == 0) options_.alive();
        }
        pipeline_->discard_changes();
        if (skipped) pipeline_->lost_frames(missing, is_new ? frame.received_ns : 0);
        if (is_new) pipeline_->frame(frame);
        return {};
    }

    void take(const model::Frame& frame) {
        if (pipeline_->pending() == 0) first_pending_ = Clock::now();
        if (reader_->take_skipped()) pipeline_->lost_frames(missing, frame.received_ns);
        if (std::exchange(forgot_, false)) pipeline_->lost_frames(forgotten, frame.received_ns);
        pipeline_->frame(frame);
    }

    bool worth_a_look() {
        if (++since_looked_ < look_every && pipeline_->pending() < options_.commit_changes) return false;
        ask();
        return true;
    }

    bool due() const {
        const auto pending = pipeline_->pending();
        if (pending == 0) return !ready_told_ && snapshot_is_in();
        if (pending >= options_.commit_changes) return true;
        return Clock::now() - first_pending_ >= std::chrono::milliseconds(options_.commit_ms);
    }

    int wait_ms() const {
        const auto waited =
            std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - first_pending_).count();
        return static_cast<int>(std::clamp<std::int64_t>(options_.commit_ms - waited, 1, options_.commit_ms));
    }

    base::Status commit() {
        const auto position = reader_->position();
        if (position - checkpoint_position_ >= options_.checkpoint_bytes) return checkpoint();
        if (auto done = pipeline_->commit(position); !done) return done;
        tell_ready();
        return {};
    }

    base::Status checkpoint() {
        if (!facts_written_) {
            if (auto begun = writer_.begin(); !begun) return begun;
            for (const auto& [name, value] : options_.facts) writer_.set_fact(name, value);
            if (auto done = writer_.commit(); !done) return done;
            facts_written_ = true;
        }
        checkpoint_position_ = reader_->position();
        if (auto done = pipeline_->commit_with_checkpoint(checkpoint_position_); !done) return done;
        tell_ready();
        return {};
    }

    /// A snapshot of this run, not one that an earlier run left in the journal.
    bool snapshot_is_in() const { return pipeline_->counts().snapshot_ended_ns >= options_.since_ns; }

    void tell_ready() {
        if (ready_told_ || !snapshot_is_in()) return;
        ready_told_ = true;
        if (options_.ready_fd >= 0) [[maybe_unused]]
            const auto written = ::write(options_.ready_fd, "r", 1);
    }

    void ask() {
        options_.alive();
        since_looked_ = 0;
        for (const auto& question : pipeline_->take_questions()) {
            const std::int32_t pid = question.pid;
            if (options_.question_fd < 0 || ::write(options_.question_fd, &pid, sizeof pid) != sizeof pid) break;
        }
        for (const auto& alarm : pipeline_->take_alarms())
            if (options_.alarm) options_.alarm(alarm);
    }

    const FollowOptions& options_;
    store::Writer& writer_;
    std::unique_ptr<Pipeline> pipeline_;
    std::optional<journal::Reader> reader_;
    Clock::time_point first_pending_{};
    std::uint64_t checkpoint_position_ = 0;
    int since_looked_ = 0;
    bool facts_written_ = false;
    bool forgot_ = false;  ///< the state before the next frame
    bool ready_told_ = false;
    bool troubled_ = true;  ///< nobody has been told otherwise
};

}  // namespace

base::Status follow(const FollowOptions& options, store::Writer& writer, const volatile int& stop_requested) {
    return Follower(options, writer).run(stop_requested);
}

}  // namespace lineage::ingest
