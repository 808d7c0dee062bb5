#include "segment.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>

#include "crc32c.hpp"
#include "guarded.hpp"
#include "lineage/base/check.hpp"

namespace lineage::journal {
namespace {

constexpr char magic[8] = {'L', 'N', 'G', 'J', 'R', 'N', 'L', '\n'};
constexpr std::uint32_t version = 1;
constexpr std::uint64_t sealed_bit = 1;
constexpr std::uint64_t continued_bit = 2;
constexpr std::size_t name_digits = 16;
constexpr const char* suffix = ".seg";
constexpr const char* unfinished_name = "/segment.new";

std::string this_boot() {
    const base::UniqueFd fd(::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
    char text[36];
    if (!fd || ::read(fd.get(), text, sizeof text) != sizeof text) return {};
    return {text, sizeof text};
}

SegmentHeader fresh_header(Position base) {
    SegmentHeader fresh{};
    std::memcpy(fresh.magic, magic, sizeof magic);
    fresh.version = version;
    fresh.base = base;
    const std::string boot = this_boot();
    std::memcpy(fresh.boot, boot.data(), boot.size());
    return fresh;
}

std::uint32_t checksum_of(const char* frame, std::uint64_t bytes) {
    char first[8];
    std::memcpy(first, frame, sizeof first);
    std::memset(first, 0, sizeof(std::uint32_t));
    return crc32c(crc32c(0, first, 1), frame + sizeof first, bytes / sizeof first - 1);
}

}  // namespace

FileId FileId::of(int fd) {
    struct stat status {};
    return ::fstat(fd, &status) == 0 ? FileId{status.st_dev, status.st_ino} : FileId{};
}

FileId FileId::at(const std::string& path) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0 ? FileId{status.st_dev, status.st_ino} : FileId{};
}

std::string segment_path(const std::string& directory, Position base) {
    char name[name_digits + 1];
    std::snprintf(name, sizeof name, "%016llx", static_cast<unsigned long long>(base));
    return directory + '/' + name + suffix;
}

base::Result<std::vector<Position>> list_segments(const std::string& directory) {
    const std::unique_ptr<DIR, int (*)(DIR*)> listing(::opendir(directory.c_str()), ::closedir);
    if (!listing) return base::fail_errno("journal " + directory, errno);
    std::vector<Position> bases;
    while (const dirent* entry = ::readdir(listing.get())) {
        const std::string_view name = entry->d_name;
        if (name.size() != name_digits + std::strlen(suffix) || name.substr(name_digits) != suffix) continue;
        if (name.substr(0, name_digits).find_first_not_of("0123456789abcdef") != std::string_view::npos) continue;
        bases.push_back(std::strtoull(entry->d_name, nullptr, 16));
    }
    std::sort(bases.begin(), bases.end());
    return bases;
}

Segment::Segment(Segment&& other) noexcept
    : fd_(std::move(other.fd_)),
      map_(std::exchange(other.map_, nullptr)),
      map_bytes_(std::exchange(other.map_bytes_, 0)),
      base_(other.base_),
      prepared_(other.prepared_) {}

Segment& Segment::operator=(Segment&& other) noexcept {
    fd_.reset(other.fd_.release());
    std::swap(map_, other.map_);
    std::swap(map_bytes_, other.map_bytes_);
    base_ = other.base_;
    prepared_ = other.prepared_;
    return *this;
}

Segment::~Segment() {
    if (map_ != nullptr) ::munmap(map_, map_bytes_);
}

tl::expected<Segment, int> Segment::map(base::UniqueFd fd, Position base, Access access) {
    install_guard();
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) return tl::unexpected(errno);
    auto bytes = static_cast<std::uint64_t>(status.st_size);
    const bool too_short = bytes < sizeof(SegmentHeader);
    if (too_short) {
        bytes = sizeof(SegmentHeader);
        if (access == Access::write) {
            if (const int error = ::posix_fallocate(fd.get(), 0, sizeof(SegmentHeader))) return tl::unexpected(error);
        }
    }
    const int protection = access == Access::write ? PROT_READ | PROT_WRITE : PROT_READ;
    const bool as_zeros = too_short && access == Access::read;  // mapping past a file's end would be a SIGBUS
    void* map = as_zeros ? ::mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                         : ::mmap(nullptr, bytes, protection, MAP_SHARED, fd.get(), 0);
    if (map == MAP_FAILED) return tl::unexpected(errno);
    if (access == Access::read) fd.reset();
    // A child must not be able to write what its parent writes: the tracker is one, and reads hostile bytes.
    if (access == Access::write) ::madvise(map, bytes, MADV_DONTFORK);
    return Segment(std::move(fd), static_cast<char*>(map), bytes, base);
}

tl::expected<Segment, int> Segment::create(const std::string& directory, Position base, std::uint64_t capacity) {
    const std::string unfinished = directory + unfinished_name;
    base::UniqueFd fd(::open(unfinished.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640));
    if (!fd) return tl::unexpected(errno);
    if (const int error = ::posix_fallocate(fd.get(), 0, static_cast<off_t>(sizeof(SegmentHeader) + capacity))) {
        ::unlink(unfinished.c_str());
        return tl::unexpected(error);
    }
    // Before it is mapped: a store into the mapping would come first and make the page cache go by small pages.
    const SegmentHeader fresh = fresh_header(base);
    if (::pwrite(fd.get(), &fresh, sizeof fresh, 0) != sizeof fresh) return tl::unexpected(errno);
    auto segment = map(std::move(fd), base, Access::write);
    if (!segment) return segment;
    if (::rename(unfinished.c_str(), segment_path(directory, base).c_str()) != 0) return tl::unexpected(errno);
    return segment;
}

base::Result<Segment> Segment::open(const std::string& directory, Position base, Access access) {
    const std::string path = segment_path(directory, base);
    base::UniqueFd fd(::open(path.c_str(), (access == Access::write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW));
    if (!fd) {
        if (errno == ENOENT) return Segment();
        return base::fail_errno("open journal segment " + path, errno);
    }
    auto segment = map(std::move(fd), base, access);
    if (!segment) return base::fail_errno("map journal segment " + path, segment.error());
    if (segment->is_open() && segment->has_header() && segment->header().version != version) {
        return base::fail("journal segment " + path, "has format version " + std::to_string(segment->header().version) +
                                                         ", this program knows " + std::to_string(version));
    }
    return std::move(*segment);
}

SegmentHeader& Segment::header() const {
    return *reinterpret_cast<SegmentHeader*>(map_);
}

bool Segment::has_header() const {
    bool whole = false;
    const bool readable =
        guarded([&] { whole = std::memcmp(header().magic, magic, sizeof magic) == 0 && header().base == base_; });
    return readable && whole;
}

bool Segment::is_of_this_boot() const {
    const std::string boot = this_boot();
    return !boot.empty() && boot.compare(0, boot.size(), header().boot, boot.size()) == 0;
}

void Segment::write_header() {
    const SegmentHeader fresh = fresh_header(base_);
    static_cast<void>(guarded([&] { std::memcpy(map_, &fresh, offsetof(SegmentHeader, end)); }));
}

// A header that cannot be read tells of no frames.
std::uint64_t Segment::whole_end_word() const {
    std::uint64_t word = 0;
    const bool readable = guarded([&] { word = std::atomic_ref(header().end).load(std::memory_order_acquire); });
    return readable ? word : 0;
}

End Segment::end() const {
    const auto word = whole_end_word();
    return {word & ~std::uint64_t{7}, (word & sealed_bit) != 0, (word & continued_bit) != 0};
}

bool Segment::set_end(const End& end) {
    const auto word = end.used | (end.sealed ? sealed_bit : 0) | (end.continued ? continued_bit : 0);
    return guarded([&] { std::atomic_ref(header().end).store(word, std::memory_order_release); });
}

// Futexes are 32 bits wide: they look at the low half of the end word, which changes with whatever changes in it as
// long as a segment is smaller than 4 GiB. Little-endian, so the half's address is the word's.
std::uint32_t Segment::end_word() const {
    return static_cast<std::uint32_t>(whole_end_word());
}

void Segment::wait_for_change(std::uint32_t seen, int timeout_ms) const {
    timespec timeout{timeout_ms / 1000, static_cast<long>(timeout_ms % 1000) * 1'000'000};
    const auto waited = ::syscall(SYS_futex, &header().end, FUTEX_WAIT, seen, &timeout, nullptr, 0);
    if (waited != 0 && errno == EFAULT) ::clock_nanosleep(CLOCK_MONOTONIC, 0, &timeout, nullptr);  // unreadable
}

void Segment::wake() const {
    ::syscall(SYS_futex, &header().end, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

bool Segment::read(std::uint64_t offset, std::uint64_t limit, model::Frame& frame) const {
    bool valid = false;
    const bool readable = guarded([&] { valid = parse(offset, limit, frame); });
    return readable && valid;
}

bool Segment::parse(std::uint64_t offset, std::uint64_t limit, model::Frame& frame) const {
    if (offset > limit || limit - offset < sizeof(FrameHeader)) return false;
    const char* at = map_ + sizeof(SegmentHeader) + offset;
    FrameHeader head;
    std::memcpy(&head, at, sizeof head);
    const auto bytes = frame_bytes(head.payload_bytes);
    if (head.payload_bytes > payload_bytes_max || bytes > limit - offset) return false;
    if (head.position != static_cast<std::uint32_t>(base_ + offset) || head.checksum != checksum_of(at, bytes))
        return false;
    frame.source = static_cast<model::Source>(head.source);
    frame.type = head.type;
    frame.received_ns = head.received_ns;
    frame.payload = {at + sizeof head, head.payload_bytes};
    return true;
}

std::uint64_t Segment::scan() const {
    std::uint64_t offset = 0;
    model::Frame frame;
    while (read(offset, capacity(), frame)) offset += frame_bytes(frame.payload.size());
    return offset;
}

bool Segment::write(std::uint64_t offset, const model::Frame& frame) {
    const auto bytes = frame_bytes(frame.payload.size());
    CHECK(offset <= capacity() && bytes <= capacity() - offset);
    if (offset + bytes > prepared_) prepare(offset + bytes);
    return guarded([&] { put(offset, bytes, frame); });
}

void Segment::put(std::uint64_t offset, std::uint64_t bytes, const model::Frame& frame) {
    char* at = map_ + sizeof(SegmentHeader) + offset;
    FrameHeader head{0,
                     static_cast<std::uint32_t>(frame.payload.size()),
                     frame.received_ns,
                     static_cast<std::uint32_t>(base_ + offset),
                     frame.type,
                     static_cast<std::uint8_t>(frame.source),
                     0};
    std::memset(at + bytes - 8, 0, 8);  // the padding; the payload overwrites the rest of it
    std::memcpy(at, &head, sizeof head);
    if (!frame.payload.empty()) std::memcpy(at + sizeof head, frame.payload.data(), frame.payload.size());
    head.checksum = checksum_of(at, bytes);
    std::memcpy(at, &head.checksum, sizeof head.checksum);
}

void Segment::clear_behind(std::uint64_t offset) {
    prepared_ = offset;
    prepare(std::min(capacity(), offset + frame_bytes(payload_bytes_max)));
}

// Zeros written in large pieces give the page cache large pages, already there and dirty; storing into an untouched
// file mapping instead costs a fault for every 4 KiB, which is five times the whole rest of an append (FORMAT.md).
void Segment::prepare(std::uint64_t offset) {
    static const char zeros[256U << 10] = {};
    while (prepared_ < offset) {
        const auto at = sizeof(SegmentHeader) + prepared_;
        const auto bytes = std::min(sizeof zeros - at % sizeof zeros, map_bytes_ - at);
        // It only has to be fast: where it fails the pages are zeros of the file system's own making, or write() fails.
        if (::pwrite(fd_.get(), zeros, bytes, static_cast<off_t>(at)) < 0) prepared_ = map_bytes_;
        prepared_ += bytes;
    }
}

void Segment::truncate(std::uint64_t offset) {
    // If it fails the segment stays longer than it need be, which readers do not mind.
    if (::ftruncate(fd_.get(), static_cast<off_t>(sizeof(SegmentHeader) + offset)) == 0) fd_.reset();
}

}  // namespace lineage::journal
