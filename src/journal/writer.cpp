#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <deque>
#include <mutex>
#include <utility>

#include "lineage/base/check.hpp"
#include "lineage/journal/journal.hpp"
#include "segment.hpp"

namespace lineage::journal {
namespace {

constexpr std::uint64_t segment_bytes_max = 1ULL << 30;  // the end word's low half must not wrap, see segment.cpp

std::string lock_path(const std::string& directory) {
    return directory + "/lock";
}

base::Result<base::UniqueFd> lock_directory(const std::string& directory) {
    const std::string path = lock_path(directory);
    base::UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) return base::fail_errno("open journal lock " + path, errno);
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    if (::fcntl(fd.get(), F_OFD_SETLK, &lock) != 0) {
        if (errno == EAGAIN || errno == EACCES)
            return base::fail("journal " + directory, "another recorder is writing it");
        return base::fail_errno("lock journal " + directory, errno);
    }
    return fd;
}

// Where positions go on when frames behind `end` may have been handed out and then lost, so that none is used twice:
// further than can have been written between two syncs, and, so that it also holds for a journal that was deleted and
// begun anew, behind the clock in nanoseconds (no journal grows by a byte a nanosecond).
Position fresh_position(Position end) {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    const auto clock_ns = static_cast<Position>(now.tv_sec) * 1'000'000'000U + static_cast<Position>(now.tv_nsec);
    const Position apart = end == 0 ? 0 : end + (1ULL << 32);
    return std::max(apart, clock_ns) & ~Position{7};
}

struct Closed {
    Position base = 0;
    std::uint64_t used = 0;
    std::uint64_t file_bytes = 0;
};

}  // namespace

struct Writer::State {
    std::string directory;
    Limits limits;
    base::UniqueFd lock;
    Segment current;         // not open: the disk has not let us begin yet
    std::uint64_t used = 0;  // of `current`
    bool is_new = true;
    bool refused = false;  // `current` could not be written: the next frame needs another segment
    Position keep_from = 0;
    std::uint64_t lost_bytes = 0;

    std::atomic<bool> gone = false;  // sync() has not found `current` where it belongs
    bool moved = false;              // since the last take_moved(): into another folder of the same name

    std::mutex mutex;           // sync() may run in another thread: it guards changes of what follows
    std::deque<Closed> closed;  // oldest first
    Position current_base = 0;
    FileId current_file;
    Position synced_base = 0;  // every segment before this one is on the disk

    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State();
    void limit(std::uint64_t total_bytes_max) {
        limits.total_bytes_max = std::max(total_bytes_max, 2 * limits.segment_bytes);
    }
    base::Status begin();
    base::Status recover();
    [[nodiscard]] bool is_stray(Position base) const;
    Closed settle(Segment& segment);
    base::Result<Segment> create(Position base, std::uint64_t frame_bytes);
    void enter(Segment next, std::uint64_t next_used);
    base::Status roll(std::uint64_t frame_bytes);
    void keep_within(std::uint64_t bytes);
    void remove_oldest();
    base::Status begin_elsewhere(std::uint64_t frame_bytes);
    base::Status sync();
};

// A file with the name of a segment that no writer of ours can have made: far ahead of the clock that positions go by,
// and there is nothing in it. Left in its place it would be the journal's last segment for ever.
bool Writer::State::is_stray(Position base) const {
    constexpr Position year = 365ULL * 24 * 3600 * 1'000'000'000;
    if (base <= fresh_position(0) + year) return false;
    const auto segment = Segment::open(directory, base, Segment::Access::read);
    return segment && segment->is_open() && !segment->has_header() && segment->scan() == 0;
}

// Can be tried again after a failure: until the segment to write is there nothing is changed that it looks at.
base::Status Writer::State::begin() {
    if (::mkdir(directory.c_str(), 0750) != 0 && errno != EEXIST)
        return base::fail_errno("create journal " + directory, errno);
    if (!lock) {
        auto taken = lock_directory(directory);
        if (!taken) return tl::unexpected(taken.error());
        lock = std::move(*taken);
    }
    closed.clear();
    lost_bytes = 0;
    return recover();
}

// Goes on in the segment that the last writer left, where that is sure to be whole, else in a new one.
base::Status Writer::State::recover() {
    auto bases = list_segments(directory);
    if (!bases) return tl::unexpected(bases.error());
    for (; !bases->empty() && is_stray(bases->back()); bases->pop_back())
        ::unlink(segment_path(directory, bases->back()).c_str());
    is_new = bases->empty();
    Position next_base = fresh_position(0);
    Segment before;
    for (const Position base : *bases) {
        const bool last = base == bases->back();
        auto segment = Segment::open(directory, base, Segment::Access::write);
        if (!segment) return tl::unexpected(segment.error());
        if (!segment->is_open()) continue;
        const End end = segment->end();
        if (!last) {
            const bool settled = end.continued && segment->has_header();
            closed.push_back(settled ? Closed{base, end.used, segment->file_bytes()} : settle(*segment));
            continue;
        }
        const auto found = segment->scan();
        if (segment->has_header() && segment->is_of_this_boot() && !end.sealed && found >= end.used) {
            segment->clear_behind(found);
            segment->set_end({found, false, false});
            enter(std::move(*segment), found);
            return {};
        }
        // An orderly end is sealed once its frames are on the disk; at any other some may be missing.
        const bool orderly = end.sealed && !end.continued && found == end.used;
        next_base = orderly ? base + found : fresh_position(base + found);
        closed.push_back({base, found, segment->file_bytes()});
        before = std::move(*segment);
    }
    auto created = create(next_base, 0);
    if (!created) return tl::unexpected(created.error());
    enter(std::move(*created), 0);
    if (!closed.empty() && before.is_open() && closed.back().base == before.base()) closed.back() = settle(before);
    return {};
}

// Ends a segment that another writer left, and that others follow: its end is where its whole frames end.
Closed Writer::State::settle(Segment& segment) {
    if (!segment.has_header()) segment.write_header();
    const auto promised = segment.end().used;
    const auto found = segment.scan();
    lost_bytes += promised - std::min(promised, found);
    segment.set_end({found, true, true});
    segment.wake();
    segment.truncate(found);
    return {segment.base(), found, sizeof(SegmentHeader) + found};
}

base::Result<Segment> Writer::State::create(Position base, std::uint64_t frame_bytes) {
    const auto capacity = std::max(limits.segment_bytes - sizeof(SegmentHeader), frame_bytes);
    keep_within(sizeof(SegmentHeader) + capacity);
    for (;;) {
        auto created = Segment::create(directory, base, capacity);
        if (created) return std::move(*created);
        const bool disk_full = created.error() == ENOSPC || created.error() == EDQUOT;
        const bool released = !closed.empty() && closed.front().base + closed.front().used <= keep_from;
        if (!disk_full || !released) return base::fail_errno("new segment in journal " + directory, created.error());
        remove_oldest();
    }
}

void Writer::State::enter(Segment next, std::uint64_t next_used) {
    current = std::move(next);
    used = next_used;
    refused = false;
    const std::lock_guard guard(mutex);
    current_base = current.base();
    current_file = current.file();
}

base::Status Writer::State::roll(std::uint64_t frame_bytes) {
    // In the place of an empty one that is gone: under its name no reader would look for another.
    const auto behind = std::max<std::uint64_t>(used, gone ? sizeof(FrameHeader) : 0);
    auto next = create(current.base() + behind, frame_bytes);
    if (!next) return tl::unexpected(next.error());
    current.set_end({used, true, true});
    current.wake();
    current.truncate(used);
    {
        const std::lock_guard guard(mutex);
        closed.push_back({current.base(), used, sizeof(SegmentHeader) + used});
    }
    enter(std::move(*next), 0);
    return {};
}

// Somebody has taken the current segment away, perhaps with its folder. Who has it mapped reads it to its end, and
// positions go on there: nothing is missing to them.
base::Status Writer::State::begin_elsewhere(std::uint64_t frame_bytes) {
    if (::mkdir(directory.c_str(), 0750) != 0 && errno != EEXIST)
        return base::fail_errno("create journal " + directory, errno);
    if (FileId::at(lock_path(directory)) != FileId::of(lock.get())) {
        auto taken = lock_directory(directory);
        if (!taken) return tl::unexpected(taken.error());
        lock = std::move(*taken);
        moved = true;
        const std::lock_guard guard(mutex);
        closed.clear();
    }
    if (auto rolled = roll(frame_bytes); !rolled) return rolled;
    gone = false;
    return {};
}

void Writer::State::keep_within(std::uint64_t bytes) {
    auto total = bytes + (current.is_open() ? current.file_bytes() : 0);
    for (const auto& segment : closed) total += segment.file_bytes;
    while (total > limits.total_bytes_max && !closed.empty()) {
        total -= closed.front().file_bytes;
        remove_oldest();
    }
}

void Writer::State::remove_oldest() {
    const Closed oldest = closed.front();
    const Position end = oldest.base + oldest.used;
    lost_bytes += end - std::min(end, std::max(keep_from, oldest.base));
    ::unlink(segment_path(directory, oldest.base).c_str());
    const std::lock_guard guard(mutex);
    closed.pop_front();
}

base::Status Writer::State::sync() {
    std::vector<std::string> paths;
    Position last = 0;
    FileId file;
    {
        const std::lock_guard guard(mutex);
        last = current_base;
        file = current_file;
        for (const auto& segment : closed) {
            if (segment.base >= synced_base) paths.push_back(segment_path(directory, segment.base));
        }
        paths.push_back(segment_path(directory, last));
        if (synced_base != last) paths.push_back(directory);  // new names in it
    }
    for (const auto& path : paths) {
        const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        const int error = fd ? 0 : errno;
        if (path == segment_path(directory, last) && (error == ENOENT || (fd && FileId::of(fd.get()) != file))) {
            const std::lock_guard guard(mutex);
            if (current_base != last) continue;  // it has been removed as the oldest meanwhile
            gone = true;
            return base::fail("journal segment " + path,
                              "somebody has removed, renamed or replaced it; another one is begun");
        }
        if (error == ENOENT) continue;  // removed meanwhile
        if (!fd || (path == directory ? ::fsync(fd.get()) : ::fdatasync(fd.get())) != 0)
            return base::fail_errno("sync " + path, error != 0 ? error : errno);
    }
    const std::lock_guard guard(mutex);
    synced_base = last;
    return {};
}

// The orderly end: sealed once the frames are on the disk. An empty segment is left for the next Writer to go on in;
// one that cannot be synced stays unsealed, so that the next one knows.
Writer::State::~State() {
    if (!current.is_open() || used == 0 || !sync()) return;
    static_cast<void>(current.set_end({used, true, false}));
    current.wake();
    current.truncate(used);
    static_cast<void>(sync());  // what is sealed but not on the disk is taken for a power failure
}

base::Result<Writer> Writer::open(const std::string& directory, Limits limits) {
    CHECK(limits.segment_bytes > sizeof(SegmentHeader) && limits.segment_bytes <= segment_bytes_max);
    auto state = std::make_unique<State>();
    state->directory = directory;
    state->limits = limits;
    state->limit(limits.total_bytes_max);
    const auto begun = state->begin();
    if (!begun && begun.error().remedy != base::Remedy::waiting) return tl::unexpected(begun.error());
    return Writer(std::move(state));
}

Writer::Writer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Writer::Writer(Writer&&) noexcept = default;
Writer& Writer::operator=(Writer&&) noexcept = default;

Writer::~Writer() = default;

base::Status Writer::append(const model::Frame& frame) {
    State& state = *state_;
    if (frame.payload.size() > payload_bytes_max) {
        return base::fail("journal " + state.directory, "a frame of " + std::to_string(frame.payload.size()) +
                                                            " bytes is over the maximum of " +
                                                            std::to_string(payload_bytes_max));
    }
    if (!state.current.is_open())
        if (auto begun = state.begin(); !begun) return begun;
    const auto bytes = frame_bytes(frame.payload.size());
    if (state.gone) {
        if (auto begun = state.begin_elsewhere(bytes); !begun) return begun;
    } else if (state.refused || bytes > state.current.capacity() - state.used) {
        const auto rolled = state.roll(bytes);
        if (!rolled) return rolled;
    }
    state.refused =
        !state.current.write(state.used, frame) || !state.current.set_end({state.used + bytes, false, false});
    if (state.refused) {
        return tl::unexpected(base::Error{
            base::ExitCode::unreadable, "journal segment " + segment_path(state.directory, state.current.base()),
            "cannot be written: an I/O error, or its file system has become read-only", base::Remedy::waiting});
    }
    state.used += bytes;
    return {};
}

void Writer::publish() {
    if (state_->current.is_open()) state_->current.wake();
}

base::Status Writer::sync() {
    return state_->sync();
}
bool Writer::take_moved() {
    return std::exchange(state_->moved, false);
}
bool Writer::is_new() const {
    return state_->is_new;
}

Position Writer::end() const {
    return state_->current.is_open() ? state_->current.base() + state_->used : 0;
}
void Writer::limit(std::uint64_t total_bytes_max) {
    state_->limit(total_bytes_max);
}
void Writer::release(Position keep_from) {
    state_->keep_from = std::max(state_->keep_from, keep_from);
}
std::uint64_t Writer::lost_bytes() const {
    return state_->lost_bytes;
}

}  // namespace lineage::journal
