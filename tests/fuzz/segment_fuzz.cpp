// Any bytes as a segment of a journal: the reader comes to an end without reading beyond it. Checksums are made right
// where a frame's length allows, so that more than the first is got to.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "crc32c.hpp"
#include "lineage/base/check.hpp"
#include "lineage/journal/journal.hpp"
#include "segment.hpp"

using namespace lineage;

namespace {

constexpr journal::Position base = 0x1000;

/// A folder with one file in it, for as long as the process lives.
struct Place {
    std::string folder;
    int file = -1;
    Place() {
        char name[] = "/dev/shm/lineage-segment-XXXXXX";  // a disk would make it ten times slower
        CHECK(::mkdtemp(name) != nullptr);
        folder = name;
        file = ::open(journal::segment_path(folder, base).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        CHECK(file >= 0);
    }
    ~Place() {
        ::unlink(journal::segment_path(folder, base).c_str());
        ::rmdir(folder.c_str());
    }
};

/// A good header, its end word from the input, and the frames' places and checksums as they should be.
std::string segment_of(const std::uint8_t* data, std::size_t size) {
    journal::SegmentHeader header{};
    std::memcpy(header.magic, "LNGJRNL\n", sizeof header.magic);
    header.version = 1;
    header.base = base;
    const std::size_t taken = std::min(size, sizeof header.end);
    std::memcpy(&header.end, data, taken);
    std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
    bytes.append(reinterpret_cast<const char*>(data) + taken, size - taken);
    bytes.resize((bytes.size() + 7) & ~std::size_t{7});
    for (std::size_t at = sizeof header; bytes.size() - at >= sizeof(journal::FrameHeader);) {
        journal::FrameHeader frame;
        std::memcpy(&frame, &bytes[at], sizeof frame);
        frame.position = static_cast<std::uint32_t>(base + at - sizeof header);
        const auto whole = journal::frame_bytes(frame.payload_bytes);
        if (whole > bytes.size() - at) break;
        frame.checksum = 0;
        std::memcpy(&bytes[at], &frame, sizeof frame);
        frame.checksum = journal::crc32c(0, &bytes[at], whole / 8);
        std::memcpy(&bytes[at], &frame, sizeof frame);
        at += whole;
    }
    return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Place place;
    const auto bytes = segment_of(data, size);
    CHECK(::ftruncate(place.file, 0) == 0);
    CHECK(::pwrite(place.file, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
    auto reader = journal::Reader::open(place.folder, 0);
    if (!reader) return 0;
    std::size_t seen = 0;
    model::Frame frame;
    for (auto next = reader->next(frame); next && *next == journal::Reader::Next::frame; next = reader->next(frame)) {
        CHECK(frame.payload.size() <= bytes.size());
        CHECK(++seen <= bytes.size() / sizeof(journal::FrameHeader));
    }
    return 0;
}
