// `lineage import`: logs and journals through the same stages as live frames, in one transaction. Reading and
// assembling take about as long as deriving and storing, so each has a thread; what passes between them is in order, so
// the result does not depend on their speeds. Each host that the lines name has a decoder on one side and a tracker on
// the other; what they share are the ids.
#include <algorithm>
#include <deque>
#include <map>
#include <thread>

#include "batch_queue.hpp"
#include "frame_decoder.hpp"
#include "lineage/audit/boot_signs.hpp"
#include "lineage/ingest/pipeline.hpp"
#include "lineage/journal/journal.hpp"
#include "log_files.hpp"
#include "store_sink.hpp"

namespace lineage::ingest {

namespace {

constexpr std::size_t batch_observations = 256;
constexpr std::size_t batches_max = 16;
/// A host takes some 200 KB, its processes aside.
constexpr std::size_t hosts_max = 1024;

/// The log of one host, and its records on their way to its tracker.
class HostLog {
public:
    HostLog(BatchQueue& queue, std::size_t number, const std::string& name) : queue_(queue) {
        batch_.host = number;
        decoder_.set_host(name);
    }

    void line(const model::Frame& frame, const std::optional<audit::LineStamp>& stamp) {
        if (!stamp) return decoder_.frame(frame);
        if (signs_.begins(*stamp)) {
            decoder_.end_boot();
            newest_ns_ = 0;
        }
        backward_ns_ = std::max(backward_ns_, newest_ns_ - stamp->time_ns);
        newest_ns_ = std::max(newest_ns_, stamp->time_ns);
        decoder_.record(*stamp, frame.received_ns);
    }
    FrameDecoder& decoder() { return decoder_; }
    [[nodiscard]] std::uint64_t boots() const { return boots_; }
    [[nodiscard]] model::TimeNs backward_ns() const { return backward_ns_; }
    void finish() {
        decoder_.finish();
        hand_over();
    }

private:
    void take(model::Observation&& observation) {
        if (std::holds_alternative<model::BootBegan>(observation)) ++boots_;
        batch_.observations.push_back(std::move(observation));
        if (batch_.observations.size() >= batch_observations) hand_over();
    }
    void hand_over() {
        const auto host = batch_.host;
        queue_.put(std::exchange(batch_, {}));
        batch_.host = host;
    }

    BatchQueue& queue_;
    Batch batch_;
    audit::BootSigns signs_;
    std::uint64_t boots_ = 0;
    model::TimeNs newest_ns_ = 0;
    model::TimeNs backward_ns_ = 0;
    FrameDecoder decoder_{[this](model::Observation&& observation) { take(std::move(observation)); }};
};

/// The thread that reads.
class Reading {
public:
    Reading(BatchQueue& queue, const ImportOptions& options) : queue_(queue), options_(options) {}

    void run(const std::vector<std::string>& inputs) {
        status_ = read_all(inputs);
        for (auto& host : hosts_) host.finish();
        queue_.close();
    }

    [[nodiscard]] const base::Status& status() const { return status_; }
    [[nodiscard]] ImportReport report() {
        for (auto& host : hosts_) {
            const auto& counters = host.decoder().counters();
            report_.events += counters.events;
            report_.malformed += counters.malformed;
            report_.incomplete += counters.incomplete;
            report_.boots += host.boots();
            report_.backward_ns = std::max(report_.backward_ns, host.backward_ns());
            report_.hosts += host.boots() != 0 ? 1 : 0;
        }
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
            ++report_.frames;
            const auto stamp = audit::stamp_of(frame.payload);
            HostLog* const host = host_named(stamp ? stamp->node : std::string_view(current_node_));
            if (host == nullptr)
                return base::fail("import", "holds records of more than " + std::to_string(hosts_max) + " hosts");
            host->line(frame, stamp);
        }
        report_.bytes += files.bytes();
        return {};
    }

    base::Status journal(const std::string& directory) {
        auto reader = journal::Reader::open(directory);
        if (!reader) return tl::unexpected(reader.error());
        FrameDecoder& decoder = host_named({})->decoder();
        model::Frame frame;
        while (true) {
            const auto next = reader->next(frame);
            if (!next) return tl::unexpected(next.error());
            if (*next == journal::Reader::Next::at_end) return {};
            if (reader->take_skipped()) decoder.lost_frames("the journal lacks frames");
            report_.bytes += frame.payload.size();
            ++report_.frames;
            decoder.frame(frame);
        }
    }

    /// nullptr: there are too many. Mostly it is the one of the line before.
    HostLog* host_named(std::string_view node) {
        if (current_ != nullptr && node == current_node_) return current_;
        const auto known = numbers_.find(node);
        if (known == numbers_.end() && hosts_.size() == hosts_max) return nullptr;
        if (known == numbers_.end()) {
            numbers_.emplace(node, hosts_.size());
            current_ = &hosts_.emplace_back(queue_, hosts_.size(), options_.host);
        } else {
            current_ = &hosts_[known->second];
        }
        current_node_ = node;
        return current_;
    }

    BatchQueue& queue_;
    const ImportOptions& options_;
    std::deque<HostLog> hosts_;
    std::map<std::string, std::size_t, std::less<>> numbers_;  ///< of hosts_, by node=
    HostLog* current_ = nullptr;
    std::string current_node_;
    ImportReport report_;
    base::Status status_;
};

/// The thread that derives and stores what the queue brings.
class Deriving {
public:
    Deriving(store::Writer& writer, const tree::Ids& taken) : writer_(writer), ids_(taken) {}

    void run(BatchQueue& queue) {
        Batch batch;
        while (queue.take(batch)) {
            tree::Tracker& tracker = tracker_of(batch.host);
            for (auto& observation : batch.observations) tracker.observe(std::move(observation));
            count_changes();
            if (pending_ >= batch_changes) apply();
        }
        for (std::size_t host = 0; host < trackers_.size(); ++host) {
            tracker_of(host).finish();
            count_changes();
        }
        apply();
    }
    [[nodiscard]] std::uint64_t processes() const {
        std::uint64_t all = 0;
        for (const auto& tracker : trackers_) all += tracker.counters().processes;
        return all;
    }

private:
    /// The one that is to go on: its ids continue those of the one before.
    tree::Tracker& tracker_of(std::size_t host) {
        if (current_ < trackers_.size()) ids_ = trackers_[current_].last_ids();
        while (trackers_.size() <= host) trackers_.emplace_back();
        current_ = host;
        trackers_[host].reserve_ids(ids_);
        pending_before_ = trackers_[host].pending_changes();
        return trackers_[host];
    }
    void count_changes() { pending_ += trackers_[current_].pending_changes() - pending_before_; }

    void apply() {
        for (auto& tracker : trackers_) {
            StoreSink sink(writer_, true);
            tracker.take_changes(sink);
            tracker.take_questions();  // nobody can answer any more
        }
        pending_ = 0;
    }

    store::Writer& writer_;
    tree::Ids ids_;
    std::deque<tree::Tracker> trackers_;  ///< by the reader's number of the host
    std::size_t current_ = 0;
    std::size_t pending_ = 0;  ///< changes of all that have not been applied
    std::size_t pending_before_ = 0;
};

}  // namespace

base::Result<ImportReport> import(const std::vector<std::string>& inputs, store::Writer& writer,
                                  const ImportOptions& options) {
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
    Deriving deriving(writer, {last->process, last->boot, last->gap, last->tamper, last->record});
    BatchQueue queue(batches_max);
    Reading reading(queue, options);
    std::thread reader([&] { reading.run(inputs); });
    const auto replaced = writer.processes_of_imports();
    deriving.run(queue);
    reader.join();
    if (!reading.status()) {
        writer.rollback();
        return tl::unexpected(reading.status().error());
    }
    ImportReport report = reading.report();
    report.processes = deriving.processes();
    if (replaced > writer.processes_of_imports()) {
        writer.rollback();
        return base::fail("import", "the database holds more of this log than the input does; nothing was changed");
    }
    if (auto committed = writer.commit(); !committed) return tl::unexpected(committed.error());
    return report;
}

}  // namespace lineage::ingest
