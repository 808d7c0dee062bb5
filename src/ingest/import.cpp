// `lineage import`: logs and journals through the same stages as live frames, in one transaction. Reading and
// assembling take about as long as deriving and storing, so each has a thread; what passes between them is in order, so
// the result does not depend on their speeds.
#include <thread>

#include "batch_queue.hpp"
#include "frame_decoder.hpp"
#include "lineage/ingest/pipeline.hpp"
#include "lineage/journal/journal.hpp"
#include "log_files.hpp"
#include "store_sink.hpp"

namespace lineage::ingest {

namespace {

/// Changes held in memory before they are handed to the open transaction. Larger batches spare rewriting a process
/// that changes several times in its short life.
constexpr std::size_t batch_changes = 20'000;
constexpr std::size_t batch_observations = 256;
constexpr std::size_t batches_max = 16;

/// The thread that reads.
class Reading {
public:
    explicit Reading(BatchQueue& queue) : queue_(queue) { batch_.reserve(batch_observations); }

    void run(const std::vector<std::string>& inputs) {
        status_ = read_all(inputs);
        decoder_.finish();
        queue_.put(std::move(batch_));
        queue_.close();
    }

    [[nodiscard]] const base::Status& status() const { return status_; }
    [[nodiscard]] const ImportReport& report() {
        report_.events = decoder_.counters().events;
        report_.malformed = decoder_.counters().malformed;
        report_.incomplete = decoder_.counters().incomplete;
        return report_;
    }

private:
    base::Status read_all(const std::vector<std::string>& inputs) {
        std::vector<std::string> names;
        const auto read_logs = [&]() -> base::Status {
            return names.empty() ? base::Status{} : logs(std::exchange(names, {}));
        };
        for (const std::string& input : inputs) {
            if (!journal::is_journal(input)) {
                names.push_back(input);
                continue;
            }
            if (auto read = read_logs(); !read) return read;
            if (auto read = journal(input); !read) return read;
        }
        return read_logs();
    }

    base::Status logs(const std::vector<std::string>& names) {
        LogFiles files(names);
        model::Frame frame;
        frame.source = model::Source::audit_line;
        while (true) {
            const auto next = files.next(frame.payload);
            if (!next) return tl::unexpected(next.error());
            if (*next == LogFiles::Next::at_end) break;
            take(frame);
        }
        report_.bytes += files.bytes();
        return {};
    }

    base::Status journal(const std::string& directory) {
        auto reader = journal::Reader::open(directory);
        if (!reader) return tl::unexpected(reader.error());
        model::Frame frame;
        while (true) {
            const auto next = reader->next(frame);
            if (!next) return tl::unexpected(next.error());
            if (*next == journal::Reader::Next::at_end) return {};
            if (reader->take_skipped()) decoder_.lost_frames("the journal lacks frames", frame.received_ns);
            report_.bytes += frame.payload.size();
            take(frame);
        }
    }

    void take(const model::Frame& frame) {
        ++report_.frames;
        decoder_.frame(frame);
    }

    void take(model::Observation&& observation) {
        batch_.push_back(std::move(observation));
        if (batch_.size() < batch_observations) return;
        queue_.put(std::move(batch_));
        batch_ = {};
        batch_.reserve(batch_observations);
    }

    BatchQueue& queue_;
    Batch batch_;
    FrameDecoder decoder_{[this](model::Observation&& observation) { take(std::move(observation)); }};
    ImportReport report_;
    base::Status status_;
};

void apply(tree::Tracker& tracker, store::Writer& writer) {
    StoreSink sink(writer, true);
    tracker.take_changes(sink);
    tracker.take_questions();  // nobody can answer any more
}

/// Derives and stores what the queue brings, until it is closed.
void derive(BatchQueue& queue, tree::Tracker& tracker, store::Writer& writer) {
    Batch batch;
    while (queue.take(batch)) {
        for (auto& observation : batch) {
            tracker.observe(std::move(observation));
            if (tracker.pending_changes() >= batch_changes) apply(tracker, writer);
        }
    }
    tracker.finish();
    apply(tracker, writer);
}

}  // namespace

base::Result<ImportReport> import(const std::vector<std::string>& inputs, store::Writer& writer) {
    const auto progress = writer.progress();
    if (!progress) return tl::unexpected(progress.error());
    for (const std::string& input : inputs)
        if (progress->position != 0 && journal::is_journal(input))
            return base::fail(
                "import " + input,
                "a recorder keeps this database and has its journal's history; import into another (--db)");
    if (auto begun = writer.begin(); !begun) return tl::unexpected(begun.error());
    const auto last = writer.last_ids();
    if (!last) {
        writer.rollback();
        return tl::unexpected(last.error());
    }
    tree::Tracker tracker;
    tracker.reserve_ids(last->process, last->boot, last->gap, last->tamper);
    BatchQueue queue(batches_max);
    Reading reading(queue);
    std::thread reader([&] { reading.run(inputs); });
    const auto replaced = writer.processes_of_imports();
    derive(queue, tracker, writer);
    reader.join();
    if (!reading.status()) {
        writer.rollback();
        return tl::unexpected(reading.status().error());
    }
    ImportReport report = reading.report();
    report.processes = tracker.counters().processes;
    if (replaced > writer.processes_of_imports()) {
        writer.rollback();
        return base::fail("import", "the database holds more of this log than the input does; nothing was changed");
    }
    if (auto committed = writer.commit(); !committed) return tl::unexpected(committed.error());
    return report;
}

}  // namespace lineage::ingest
