// Frames in, history in the store: decodes each frame by its source, assembles audit records, feeds the tracker and
// applies its changes in batches. The recorder's tracker process and `lineage import` are the same pipeline over
// different frames.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lineage/audit/assembler.hpp"
#include "lineage/base/result.hpp"
#include "lineage/model/frame.hpp"
#include "lineage/store/store.hpp"
#include "lineage/tree/tracker.hpp"

namespace lineage::ingest {

class Pipeline {
public:
    explicit Pipeline(store::Writer& writer, const audit::AssemblerLimits& limits = {});
    ~Pipeline();

    /// See tree::Tracker::know().
    void know(const model::Boot& boot, std::vector<model::Node>&& lives);
    void frame(const model::Frame& frame);
    void finish();
    /// Changes not yet applied to the store.
    [[nodiscard]] std::size_t pending() const;
    /// Hands them to the writer's open transaction.
    void apply();
    /// Applies them, with the position behind the last frame, in one transaction.
    base::Status commit(std::uint64_t position);
    /// The same with a checkpoint of the whole state at that position.
    base::Status commit_with_checkpoint(std::uint64_t position);
    /// Brings the state back to what it was at `progress.checkpoint_position`.
    base::Status restore(const store::Progress& progress);
    /// Ids that are given out are larger than these.
    void reserve_ids(const store::LastIds& taken);
    /// Forgets pending changes: they are in the store already (replay between checkpoint and position).
    void discard_changes();
    std::vector<tree::Question> take_questions();
    std::vector<std::string> take_alarms();
    /// Frames were lost between the last one and the next, which tells when that ended.
    void lost_frames(std::string why);
    struct Counts {
        tree::Counters tree;
        audit::AssemblerCounters audit;
        model::TimeNs snapshot_ended_ns = 0;  ///< receipt of the last snapshot_end frame so far
        model::TimeNs now_ns = 0;             ///< when capture last looked at the clock, whose steps are taken out
    };
    [[nodiscard]] Counts counts() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

struct ImportReport {
    std::uint64_t frames = 0;
    std::uint64_t bytes = 0;
    std::uint64_t processes = 0;
    std::uint64_t events = 0;
    std::uint64_t malformed = 0;
    std::uint64_t incomplete = 0;
    std::uint64_t hosts = 0;
    std::uint64_t boots = 0;
    model::TimeNs backward_ns = 0;  ///< by how much a host's stamps went back within a boot: was the input in order?
};

struct ImportOptions {
    std::string host;  ///< whose logs they are, where a line does not say (node=)
};

/// Audit logs (plain or .gz; "-" is stdin) or journal directories, in the order given except that rotated sets
/// (audit.log.2, audit.log.1, audit.log) are put oldest first, into `writer`'s database, whole or not at all. A boot
/// that the database has already is replaced; a log's boot gets a name made from its first record. Each host that lines
/// name (node=) is tracked apart, and so is each boot that its records show to have begun
/// (lineage/audit/boot_signs.hpp). A thread of its own reads and assembles; the writer stays with the caller's.
base::Result<ImportReport> import(const std::vector<std::string>& inputs, store::Writer& writer,
                                  const ImportOptions& options = {});

struct FollowOptions {
    std::string journal;
    int commit_ms = 100;
    std::size_t commit_changes = 1000;
    std::uint64_t checkpoint_bytes = 64ULL << 20;  ///< of journal between checkpoints
    int question_fd = -1;  ///< the tracker's questions go here, one native-endian i32 pid each; -1: nowhere
    int ready_fd =
        -1;  ///< one byte is written when the first snapshot_end after since_ns has been committed; -1: nowhere
    model::TimeNs since_ns = 0;  ///< when this run of capture began: an earlier one's snapshot makes nobody ready
    std::map<std::string, std::string> facts;  ///< written to the store with the first commit (recorder.pid, ...)
    store::Bounds bounds;
    /// The same store: what is known where a checkpoint cannot be used; nullptr: nothing is.
    store::Reader* history = nullptr;
    int retry_ms = 1000;  ///< between attempts while the store cannot be written
    /// Told when the store cannot be written and it waits, with why, and when it has caught up (also the
    /// first time).
    std::function<void(const base::Status&)> tell;
    /// Called for as long as it goes round, with frames to read or without: every second or so at least.
    std::function<void()> alive = [] {};
    std::function<void(const std::string&)> alarm;  ///< see tree::Tracker::take_alarms
};
/// Follows a journal into the store until `stop_requested` (checked at least every commit_ms) and the journal's end.
/// What waiting helps against (Remedy::waiting: a full disk, ...) it waits for, at its position in the journal.
base::Status follow(const FollowOptions& options, store::Writer& writer, const volatile int& stop_requested);

}  // namespace lineage::ingest
