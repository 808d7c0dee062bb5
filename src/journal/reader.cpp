#include <algorithm>

#include "lineage/journal/journal.hpp"
#include "segment.hpp"

namespace lineage::journal {

struct Reader::State {
    std::string directory;
    Segment current;
    Segment previous;          // its last payload may still be in use
    std::uint64_t offset = 0;  // in current
    std::uint64_t limit = 0;   // frames of current are known to be published up to here
    Position newest_seen = 0;  // base of the last segment that a listing showed
    bool at_last = false;      // a later one was looked for and there is none to read
    bool skipped = false;

    [[nodiscard]] Position position() const { return current.base() + offset; }
    // A file shorter than its end word says (a cut copy) ends where it ends.
    [[nodiscard]] std::uint64_t published() const { return std::min(current.end().used, current.capacity()); }
    // Another segment comes after current, which therefore does not grow any more.
    [[nodiscard]] bool followed() const { return current.base() < newest_seen || current.end().continued; }
    base::Result<bool> enter(Position base_min);
    bool enter(Segment next);
};

// Goes to the beginning of the first readable segment from `base_min` on; false when there is none.
base::Result<bool> Reader::State::enter(Position base_min) {
    // The one that follows without a hole is asked for by name: a listing made while segments come and go may lack it.
    if (current.is_open() && position() >= base_min) {
        auto next = Segment::open(directory, position(), Segment::Access::read);
        if (!next) return tl::unexpected(next.error());
        if (next->is_open() && next->has_header()) return enter(std::move(*next));
    }
    for (bool vanished = true; vanished;) {  // all that were listed may be gone before they are opened
        vanished = false;
        const auto bases = list_segments(directory);
        if (!bases) return tl::unexpected(bases.error());
        if (!bases->empty()) newest_seen = std::max(newest_seen, bases->back());
        for (const Position base : *bases) {
            if (base < base_min) continue;
            auto next = Segment::open(directory, base, Segment::Access::read);
            if (!next) return tl::unexpected(next.error());
            if (next->is_open() && next->has_header()) return enter(std::move(*next));
            vanished = vanished || !next->is_open();
        }
    }
    at_last = true;
    return false;
}

bool Reader::State::enter(Segment next) {
    if (current.is_open() && next.base() != position()) skipped = true;
    previous = std::move(current);
    current = std::move(next);
    offset = 0;
    limit = 0;
    at_last = false;
    return true;
}

base::Result<Reader> Reader::open(const std::string& directory, Position from) {
    auto state = std::make_unique<State>();
    state->directory = directory;
    const auto bases = list_segments(directory);
    if (!bases) return tl::unexpected(bases.error());
    const auto behind = std::upper_bound(bases->begin(), bases->end(), from);
    auto entered = state->enter(behind == bases->begin() ? 0 : *(behind - 1));
    if (!entered) return tl::unexpected(entered.error());
    if (!*entered) return base::fail("journal " + directory, "there is no segment to read in it");
    const Position base = state->current.base();
    if (from < base) {
        state->skipped = from != 0;
    } else if (from - base <= state->published()) {
        state->offset = from - base;
    } else {  // in a hole between two segments, or no position of this journal
        entered = state->enter(base + 1);
        if (!entered) return tl::unexpected(entered.error());
        if (!*entered) {
            return base::fail("journal " + directory,
                              "ends before position " + std::to_string(from) + ", which belongs to another journal");
        }
        state->skipped = true;
    }
    return Reader(std::move(state));
}

Reader::Reader(std::unique_ptr<State> state) : state_(std::move(state)) {}
Reader::Reader(Reader&&) noexcept = default;
Reader& Reader::operator=(Reader&&) noexcept = default;
Reader::~Reader() = default;

base::Result<Reader::Next> Reader::next(model::Frame& frame) {
    State& state = *state_;
    for (;;) {
        if (state.offset < state.limit) {
            if (state.current.read(state.offset, state.limit, frame)) {
                state.offset += frame_bytes(frame.payload.size());
                return Next::frame;
            }
            state.skipped = true;  // damaged: without its length nothing behind it can be found
            state.offset = state.limit;
        }
        const bool last_word = state.followed();  // before the end is looked at again
        const auto published = state.published();
        if (published > state.limit) {
            state.limit = published;
            continue;
        }
        if (!last_word) return Next::at_end;
        const auto entered = state.enter(state.current.base() + 1);
        if (!entered) return tl::unexpected(entered.error());
        if (!*entered) return Next::at_end;
    }
}

bool Reader::wait(int timeout_ms) {
    const State& state = *state_;
    const auto seen = state.current.end_word();
    const bool later = state.followed() && !state.at_last;
    if (later || state.published() > state.offset) return true;
    // A later segment that was there and could not be read shows no sign when it can be: look again soon.
    constexpr int look_again_ms = 100;
    state.current.wait_for_change(seen, state.followed() ? std::min(timeout_ms, look_again_ms) : timeout_ms);
    if (state.current.end_word() != seen) return true;
    // A segment that the disk refused to write could not be given the word that it is continued either.
    const auto bases = list_segments(state.directory);
    if (!bases || bases->empty() || bases->back() <= state.newest_seen) return false;
    state_->newest_seen = bases->back();
    state_->at_last = false;
    return state.followed();
}

Position Reader::position() const {
    return state_->position();
}
bool Reader::take_skipped() {
    return std::exchange(state_->skipped, false);
}

bool is_journal(const std::string& directory) {
    const auto bases = list_segments(directory);
    return bases && !bases->empty();
}

}  // namespace lineage::journal
