// The journal: raw frames in order of receipt, in a directory of append-only segments of bounded size. It is the
// write-ahead log of the recorder and the input of every replay. The format is described in src/journal/FORMAT.md.
//
// One Writer a directory (a lock says so); any number of Readers, in this or other processes, also while it is
// written. A frame that append() has returned from survives the death of the process; sync() makes it survive power
// loss. A position is a number that grows along the journal and stays valid while its segment exists; it never comes
// back, not in a later boot and not in a journal that is begun anew. Where frames are missing (a power failure, a
// damaged or removed segment) the positions jump and Reader::take_skipped() says so.
//
// An instance is used by one thread, except that Writer::sync() may run in another one, which then waits for the disk
// in the recorder's place.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "lineage/base/result.hpp"
#include "lineage/model/frame.hpp"

namespace lineage::journal {

using Position = std::uint64_t;

/// A longer payload is refused by append().
constexpr std::size_t payload_bytes_max = 4U << 20;

struct Limits {
    std::uint64_t segment_bytes =
        16ULL << 20;  ///< at most 1 GiB; a frame that needs more room gets a segment of its own
    std::uint64_t total_bytes_max = 1ULL << 30;  ///< on disk; the oldest segments go first; at least two segments
};

class Writer {
public:
    /// Opens or creates the directory; cuts a torn tail and goes on behind it. Refused while another Writer has it. A
    /// child forked later has no part in it and must leave it alone: it has no mapping of it, but keeps the lock until
    /// it closes the inherited descriptors, calls exec or ends. Where only the disk is in the way (it is full, cannot
    /// be written, ...) the Writer is there all the same: append() fails for as long as that lasts.
    static base::Result<Writer> open(const std::string& directory, Limits limits = {});
    Writer(Writer&&) noexcept;
    Writer& operator=(Writer&&) noexcept;
    ~Writer();

    /// Fails when there is no room for a new segment, or the disk refuses to be written (nothing is written then, a
    /// later call may succeed). Before that, released segments are removed, the oldest first, for as long as the disk
    /// is full.
    base::Status append(const model::Frame& frame);
    /// Wakes the readers that wait; one system call. (Those that do not wait see a frame as soon as append() returns.)
    void publish();
    /// Waits until everything appended so far is on the disk. Fails where somebody has taken the current segment away,
    /// or the whole folder: the next append() then begins another one in its place.
    base::Status sync();
    /// Since the last call that was in another folder: Readers must be opened anew, when they have read to the end.
    [[nodiscard]] bool take_moved();
    /// 0 where the disk has not let it begin yet.
    [[nodiscard]] Position end() const;
    /// There was nothing when it was opened, or nothing that could be read: it goes on with no earlier Writer's.
    [[nodiscard]] bool is_new() const;
    /// A new total_bytes_max; takes effect with the next segment.
    void limit(std::uint64_t total_bytes_max);
    /// Segments that end at or before `keep_from` may be removed when total_bytes_max asks for it; later ones only
    /// as the last resort, and then `lost_bytes()` grows.
    void release(Position keep_from);
    /// Bytes of frames not released that this Writer removed or, when it was opened, found damaged.
    [[nodiscard]] std::uint64_t lost_bytes() const;

private:
    struct State;
    explicit Writer(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

class Reader {
public:
    /// Reads from `from` on, or from the oldest frame that is left when `from` is older than that (see take_skipped());
    /// 0: the oldest. A `from` beyond the end is an error: it belongs to another journal.
    static base::Result<Reader> open(const std::string& directory, Position from = 0);
    Reader(Reader&&) noexcept;
    Reader& operator=(Reader&&) noexcept;
    ~Reader();

    enum class Next { frame, at_end };
    /// The payload stays valid until the call after the next segment change; copy what must live longer.
    base::Result<Next> next(model::Frame& frame);
    [[nodiscard]] Position position() const;  ///< of the frame that next() hands over next
    /// Waits until the writer has published more, `timeout_ms` have passed or a signal came; false: nothing new.
    bool wait(int timeout_ms);
    /// Frames between the last call (at first: `from`) and position() were missing or damaged.
    [[nodiscard]] bool take_skipped();

private:
    struct State;
    explicit Reader(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// Is this a journal directory?
bool is_journal(const std::string& directory);

}  // namespace lineage::journal
