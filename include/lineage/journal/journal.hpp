// The journal: raw frames in order of receipt, in a directory of append-only segments of bounded size. It is the
// write-ahead log of the recorder and the input of every replay. The format is described in src/journal/FORMAT.md.
//
// One Writer a directory (a lock says so); any number of Readers, in this or other processes, also while it is
// written. A frame that append() has returned from survives the death of the process; sync() makes it survive power
// loss. A position is a number that grows along the journal and stays valid while its segment exists.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "lineage/base/result.hpp"
#include "lineage/model/frame.hpp"

namespace lineage::journal {

using Position = std::uint64_t;

struct Limits {
    std::uint64_t segment_bytes = 16ULL << 20;
    std::uint64_t total_bytes_max = 1ULL << 30;  ///< the oldest segments go first
};

class Writer {
public:
    /// Opens or creates the directory; cuts a torn tail and goes on behind it.
    static base::Result<Writer> open(const std::string& directory, Limits limits = {});
    Writer(Writer&&) noexcept;
    Writer& operator=(Writer&&) noexcept;
    ~Writer();

    base::Status append(const model::Frame& frame);
    /// Makes what was appended visible to readers and wakes those that wait (append() alone may delay that until the next publish()).
    void publish();
    base::Status sync();
    [[nodiscard]] Position end() const;
    /// Segments that end at or before `keep_from` may be removed when total_bytes_max asks for it; later ones only
    /// as the last resort, and then `lost_bytes()` grows.
    void release(Position keep_from);
    [[nodiscard]] std::uint64_t lost_bytes() const;

private:
    struct State;
    explicit Writer(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

class Reader {
public:
    /// Reads from `from` on, or from the oldest frame that is left when `from` is older than that (see skipped()).
    static base::Result<Reader> open(const std::string& directory, Position from = 0);
    Reader(Reader&&) noexcept;
    Reader& operator=(Reader&&) noexcept;
    ~Reader();

    enum class Next { frame, at_end };
    /// The payload stays valid until the call after the next segment change; copy what must live longer.
    base::Result<Next> next(model::Frame& frame);
    [[nodiscard]] Position position() const;  ///< of the frame that next() hands over next
    /// Waits until the writer has published more or `timeout_ms` have passed; false: nothing new.
    bool wait(int timeout_ms);
    [[nodiscard]] bool skipped() const;

private:
    struct State;
    explicit Reader(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// Is this a journal directory?
bool is_journal(const std::string& directory);

}  // namespace lineage::journal
