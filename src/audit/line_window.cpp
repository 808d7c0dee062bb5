#include "lineage/audit/line_window.hpp"

#include <libaudit.h>

#include <algorithm>
#include <deque>
#include <unordered_map>
#include <utility>

#include "event.hpp"

namespace lineage::audit {

namespace {

constexpr std::size_t text_bytes_max = 8U << 20;  // of one event's records, where they are kept
constexpr std::size_t events_remembered = 8192;

struct Key {
    std::string node;
    model::TimeNs time_ns = 0;
    std::int64_t serial = 0;
    Counter counter = Counter::kernel;
    bool operator==(const Key&) const = default;
};
struct HashKey {
    std::size_t operator()(const Key& key) const {
        return std::hash<std::string>()(key.node) ^ (std::hash<std::int64_t>()(key.serial) * 31U) ^
               std::hash<std::int64_t>()(key.time_ns);
    }
};

struct Pending {
    LoggedEvent event;
    bool whole = false;  ///< nothing has to follow
    bool ended = false;  ///< nothing can follow but what is out of order
    bool has_call = false;
    std::uint64_t last_line = 0;    ///< number of its last line so far
    std::uint64_t last_record = 0;  ///< count of records when that came
    std::int64_t last_ms = 0;
};

}  // namespace

struct LineWindow::State {
    struct Held {
        std::string bytes;
        Pending* event = nullptr;  ///< nullptr: no record
    };
    TakeLine take_line;
    TakeEvent take_event;
    WindowLimits limits;
    std::string partial;  ///< a line without its newline yet
    std::uint64_t first_line = 0;
    std::deque<Held> held;
    std::size_t held_bytes = 0;
    std::unordered_map<Key, Pending, HashKey> pending;
    /// Who the events left lately were about, by serial: for a record that comes too late.
    std::vector<std::pair<Key, Parties>> left = std::vector<std::pair<Key, Parties>>(events_remembered);
    std::uint64_t records = 0;
    std::int64_t now_ms = 0;
    bool continuing = false;       ///< what comes next goes on with the last line
    Pending* continued = nullptr;  ///< the event of the last line

    /// A whole line with its newline, or a piece of one that does not end with it.
    void line(std::string_view bytes);
    Pending* pending_for(const Record& record);
    void hold(std::string_view bytes, Pending* event);
    [[nodiscard]] std::int64_t unripe_ms(const Pending& event) const;
    [[nodiscard]] bool due(const Pending& event) const;
    void hand_over_due(bool all);
    void leave(Pending& event, bool open);
};

Pending* LineWindow::State::pending_for(const Record& record) {
    Key key{std::string(record.node), record.time_ns, record.serial, counter_of(record.type)};
    const auto [at, is_new] = pending.try_emplace(key);
    if (is_new) {
        auto& event = at->second.event;
        event.node = key.node;
        event.time_ns = key.time_ns;
        event.serial = key.serial;
        event.counter = key.counter;
        const auto& [known, parties] = left[static_cast<std::size_t>(key.serial) % events_remembered];
        if (known == key) event.parties = parties;
    }
    return &at->second;
}

void LineWindow::State::line(std::string_view bytes) {
    auto text = bytes;
    if (!text.empty() && text.back() == '\n') text.remove_suffix(1);
    const bool ends = text.size() < bytes.size();
    if (std::exchange(continuing, !ends)) return hold(bytes, continued);
    const auto record = record_of(text);
    if (!record) return hold(bytes, nullptr);
    ++records;
    Pending* const event = pending_for(*record);
    event->event.parties.absorb(*record);
    if (limits.keep_text) {
        event->event.cut = event->event.cut || event->event.text.size() + text.size() > text_bytes_max;
        if (!event->event.cut) {
            append_canonical(*record, event->event.text);
            event->event.text += '\n';
        }
    }
    event->has_call = event->has_call || record->type == AUDIT_SYSCALL;
    event->ended = event->ended || ends_event(record->type);
    event->whole = event->ended || (may_stand_alone(record->type) && !event->has_call);
    hold(bytes, event);
}

void LineWindow::State::hold(std::string_view bytes, Pending* event) {
    continued = event;
    if (event != nullptr) {
        event->last_line = first_line + held.size();
        event->last_record = records;
        event->last_ms = now_ms;
    } else if (held.empty()) {
        ++first_line;
        return take_line(bytes);
    }
    held.push_back({std::string(bytes), event});
    held_bytes += bytes.size();
    hand_over_due(false);
}

std::int64_t LineWindow::State::unripe_ms(const Pending& event) const {
    const auto age_ms = now_ms - event.event.time_ns / 1'000'000;
    return age_ms < 0 ? 0 : std::max<std::int64_t>(limits.ripe_ms - age_ms, 0);  // a stamp of the future tells nothing
}

bool LineWindow::State::due(const Pending& event) const {
    if (held_bytes > limits.bytes_max) return true;
    if (unripe_ms(event) > 0) return false;
    const auto records_since = records - event.last_record;
    const auto ms_since = now_ms - event.last_ms;
    if (event.whole) return records_since >= limits.slack || ms_since >= limits.settle_ms;
    return records_since >= limits.window || ms_since >= limits.patience_ms;
}

void LineWindow::State::hand_over_due(bool all) {
    while (!held.empty()) {
        auto& front = held.front();
        const bool is_last = front.event != nullptr && front.event->last_line == first_line;
        // While a line's rest is still to come, its event has not had its last.
        const bool under_way = continuing && front.event == continued && held.size() == 1;
        if (is_last && !all && (under_way || !due(*front.event))) return;
        take_line(front.bytes);
        const bool open = front.bytes.empty() || front.bytes.back() != '\n';
        held_bytes -= front.bytes.size();
        Pending* const event = front.event;
        held.pop_front();
        ++first_line;
        if (is_last) leave(*event, open);
    }
}

void LineWindow::State::leave(Pending& event, bool open) {
    Key key{event.event.node, event.event.time_ns, event.event.serial, event.event.counter};
    auto node = pending.extract(key);
    node.mapped().event.open = open;
    if (continued == &event) continued = nullptr;
    auto& place = left[static_cast<std::size_t>(key.serial) % events_remembered];
    place = {std::move(key), node.mapped().event.parties};
    take_event(std::move(node.mapped().event));
}

LineWindow::LineWindow(TakeLine line, TakeEvent event, WindowLimits limits) : state_(std::make_unique<State>()) {
    state_->take_line = std::move(line);
    state_->take_event = std::move(event);
    state_->limits = limits;
}
LineWindow::~LineWindow() = default;
LineWindow::LineWindow(LineWindow&&) noexcept = default;
LineWindow& LineWindow::operator=(LineWindow&&) noexcept = default;

void LineWindow::feed(std::string_view bytes, std::int64_t now_ms) {
    State& state = *state_;
    state.now_ms = now_ms;
    while (!bytes.empty()) {
        const auto newline = bytes.find('\n');
        const auto size = newline == std::string_view::npos ? bytes.size() : newline + 1;
        const auto piece = bytes.substr(0, size);
        bytes.remove_prefix(size);
        if (newline != std::string_view::npos && state.partial.empty()) {
            state.line(piece);
            continue;
        }
        state.partial += piece;
        const bool too_long = state.partial.size() > state.limits.line_bytes_max;
        if (newline == std::string_view::npos && !too_long) continue;
        state.line(std::exchange(state.partial, {}));
    }
    state.hand_over_due(false);
}

void LineWindow::advance(std::int64_t now_ms) {
    state_->now_ms = now_ms;
    state_->hand_over_due(false);
}

void LineWindow::finish() {
    if (!state_->partial.empty()) state_->line(std::exchange(state_->partial, {}));
    state_->continuing = false;
    state_->hand_over_due(true);
}

bool LineWindow::holds() const {
    return !state_->held.empty();
}

std::int64_t LineWindow::unripe_ms(std::int64_t now_ms) const {
    state_->now_ms = now_ms;
    std::int64_t longest = 0;
    for (const auto& [key, event] : state_->pending) longest = std::max(longest, state_->unripe_ms(event));
    return longest;
}

std::uint64_t LineWindow::records() const {
    return state_->records;
}

}  // namespace lineage::audit
