// One segment file of the journal, mapped: its layout, its end, the frames in it. FORMAT.md describes all of it.
// The Writer maps segments for writing, Readers map them read-only; the end word in the header is all they share.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "lineage/base/result.hpp"
#include "lineage/base/unique_fd.hpp"
#include "lineage/journal/journal.hpp"
#include "lineage/model/frame.hpp"

namespace lineage::journal {

/// The first 128 bytes of a segment. The constants and the end word stand in different cache lines.
struct SegmentHeader {
    char magic[8];
    std::uint32_t version;
    std::uint32_t zero;
    std::uint64_t base;  ///< position of the first frame; the file's name too
    char boot[40];       ///< boot_id (36 characters) under which it was created, zero-padded
    std::uint64_t end;   ///< see End; only ever accessed atomically
    char reserved[56];   ///< zero
};
static_assert(sizeof(SegmentHeader) == 128);

/// What stands before each payload. The whole frame is padded with zeros to a multiple of 8 bytes.
struct FrameHeader {
    std::uint32_t checksum;  ///< CRC-32C of the padded frame with this field as zero
    std::uint32_t payload_bytes;
    std::int64_t received_ns;
    std::uint32_t position;  ///< its low 32 bits: a frame is valid only where it was written
    std::uint16_t type;
    std::uint8_t source;
    std::uint8_t reserved;  ///< zero
};
static_assert(sizeof(FrameHeader) == 24);

constexpr std::uint64_t frame_bytes(std::size_t payload_bytes) {
    return (sizeof(FrameHeader) + payload_bytes + 7) & ~std::uint64_t{7};
}

struct FileId {
    dev_t device = 0;
    ino_t inode = 0;  ///< 0: no file
    bool operator==(const FileId&) const = default;
    static FileId of(int fd);
    static FileId at(const std::string& path);
};

/// The end word: bytes of frames in the segment, which is a multiple of 8, and two flags in the bits that are free.
struct End {
    std::uint64_t used = 0;
    bool sealed = false;     ///< no frame follows in this segment
    bool continued = false;  ///< there is a later segment
};

class Segment {
public:
    enum class Access { read, write };

    /// Creates `base`'s file with room for `capacity` bytes of frames: allocated, so that a full disk is an error here
    /// and not a SIGBUS later; it appears under its name only when its header is complete.
    /// Fails with an errno value.
    static tl::expected<Segment, int> create(const std::string& directory, Position base, std::uint64_t capacity);
    /// is_open() is false when there is no such file any more. One too short for a header reads as one of zeros.
    static base::Result<Segment> open(const std::string& directory, Position base, Access access);

    Segment() = default;
    Segment(Segment&& other) noexcept;
    Segment& operator=(Segment&& other) noexcept;
    Segment(const Segment&) = delete;
    Segment& operator=(const Segment&) = delete;
    ~Segment();

    [[nodiscard]] bool is_open() const { return map_ != nullptr; }
    /// Of a segment opened with Access::write: which file it is, whatever its name is by now.
    [[nodiscard]] FileId file() const { return FileId::of(fd_.get()); }
    [[nodiscard]] Position base() const { return base_; }
    [[nodiscard]] std::uint64_t capacity() const { return map_bytes_ - sizeof(SegmentHeader); }
    /// The file's size now: the header and what is allocated for frames.
    [[nodiscard]] std::uint64_t file_bytes() const { return map_bytes_; }
    /// Its header is one, and of this file (a power failure can leave a file whose header never reached the disk).
    [[nodiscard]] bool has_header() const;
    [[nodiscard]] bool is_of_this_boot() const;

    [[nodiscard]] End end() const;
    [[nodiscard]] std::uint32_t end_word() const;  ///< what wait_for_change() compares with
    /// Returns when the end word is no longer `seen`, after `timeout_ms`, or at a signal.
    void wait_for_change(std::uint32_t seen, int timeout_ms) const;

    /// The frame at `offset`, or false when there is no whole and undamaged one before `limit`.
    bool read(std::uint64_t offset, std::uint64_t limit, model::Frame& frame) const;
    /// The offset behind the last of the whole frames that follow one another from the segment's beginning on.
    [[nodiscard]] std::uint64_t scan() const;

    // For a segment opened with Access::write.
    // What the disk refuses (an I/O error, a read-only file system, a file cut by somebody) is false, never a SIGBUS.
    bool write(std::uint64_t offset, const model::Frame& frame);  ///< needs frame_bytes() of room; offsets ascend
    bool set_end(const End& end);
    void wake() const;
    void write_header();
    /// Zeroes what a frame cut off by the writer's death may have left behind `offset`.
    void clear_behind(std::uint64_t offset);
    /// Gives back the room behind `offset`; nothing behind it may be touched any more.
    void truncate(std::uint64_t offset);

private:
    Segment(base::UniqueFd fd, char* map, std::uint64_t map_bytes, Position base)
        : fd_(std::move(fd)), map_(map), map_bytes_(map_bytes), base_(base) {}
    static tl::expected<Segment, int> map(base::UniqueFd fd, Position base, Access access);
    [[nodiscard]] SegmentHeader& header() const;
    void prepare(std::uint64_t offset);
    [[nodiscard]] std::uint64_t whole_end_word() const;
    bool parse(std::uint64_t offset, std::uint64_t limit, model::Frame& frame) const;
    void put(std::uint64_t offset, std::uint64_t bytes, const model::Frame& frame);

    base::UniqueFd fd_;  // kept by the writer alone, which truncates through it
    char* map_ = nullptr;
    std::uint64_t map_bytes_ = 0;
    Position base_ = 0;
    std::uint64_t prepared_ = 0;  // frames may be written up to here without a page fault of their own
};

std::string segment_path(const std::string& directory, Position base);
/// The bases of the directory's segments, ascending; other files are none of the journal's business.
base::Result<std::vector<Position>> list_segments(const std::string& directory);

}  // namespace lineage::journal
