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

    /// The state at the position where the store stands: out of the checkpoint and all frames between the two, or else,
    /// where they cannot be had, as the store tells it. Nothing that it gives out an id for from now on can meet what
    /// is in the store. The checkpoint that follows at once makes what was reserved a part of the state.
    base::Status resume() {
        const auto progress = writer_.progress();
        if (!progress) return tl::unexpected(progress.error());
        auto restored = pipeline_->restore(*progress);
        if (restored) {
            if (auto opened = read_from(progress->checkpoint_position); !opened) return opened;
            const auto whole = replay(progress->checkpoint_position, progress->position);
            if (!whole) return tl::unexpected(whole.error());
            if (!*whole)
                restored = base::fail("checkpoint", "the journal lacks what came between it and the last commit");
        }
        if (!restored)
            if (auto begun = begin_anew(progress->position, restored); !begun) return begun;
        const auto taken = writer_.last_ids();
        if (!taken) return tl::unexpected(taken.error());
        pipeline_->reserve_ids(*taken);
        if (reader_->take_skipped()) pipeline_->lost_frames(missing);
        facts_written_ = false;
        return checkpoint();
    }

    base::Status read_from(journal::Position position) {
        auto reader = journal::Reader::open(options_.journal, position);
        if (!reader) return tl::unexpected(reader.error());
        reader_.emplace(std::move(*reader));
        return {};
    }

    /// A checkpoint that cannot be used: what is in the store stays, and tells who lives; what the state knew beyond
    /// that (a record half told, who was just being born) is a gap.
    base::Status begin_anew(journal::Position position, const base::Status& why) {
        tell(why);
        pipeline_ = std::make_unique<Pipeline>(writer_);
        if (auto fresh = pipeline_->restore({}); !fresh) return fresh;
        if (options_.history != nullptr)
            if (auto known = remember(*pipeline_, *options_.history, options_.facts); !known) return known;
        pipeline_->lost_frames(forgotten);
        return read_from(position);
    }

    /// Frames before `position` are in the database already: they only bring the state up to there. false: it does not
    /// come there, for some of them are missing. What is missing behind `position` is left for take() to find.
    base::Result<bool> replay(journal::Position from, journal::Position position) {
        if (from == position) return true;
        model::Frame frame;
        while (reader_->position() < position) {
            const auto next = reader_->next(frame);
            if (!next) return tl::unexpected(next.error());
            if (*next == journal::Reader::Next::at_end || reader_->take_skipped()) return false;
            pipeline_->frame(frame);
            if (++since_looked_ % look_every == 0) options_.alive();
        }
        pipeline_->discard_changes();
        return reader_->position() == position;
    }

    /// A hole is told where it is met. Behind it is a checkpoint, so that one which is met in a replay came later.
    void take(const model::Frame& frame) {
        if (pipeline_->pending() == 0) first_pending_ = Clock::now();
        if (reader_->take_skipped()) {
            pipeline_->lost_frames(missing);
            checkpoint_due_ = true;
        }
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
        if (checkpoint_due_ || position - checkpoint_position_ >= options_.checkpoint_bytes) return checkpoint();
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
        checkpoint_due_ = false;
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
    bool checkpoint_due_ = false;
    bool ready_told_ = false;
    bool troubled_ = true;  ///< nobody has been told otherwise
};

}  // namespace

base::Status follow(const FollowOptions& options, store::Writer& writer, const volatile int& stop_requested) {
    return Follower(options, writer).run(stop_requested);
}

}  // namespace lineage::ingest
