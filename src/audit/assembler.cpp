#include "lineage/audit/assembler.hpp"

#include <algorithm>
#include <deque>

#include "event.hpp"
#include "serial_holes.hpp"

namespace lineage::audit {

namespace {

/// Which of the last events have been handed over, so that a repeated or late record does not make a second one.
class Released {
public:
    explicit Released(std::size_t size) : slots_(size, RecordId{-1, -1}) {}
    [[nodiscard]] bool contains(const RecordId& id) const { return slots_[slot(id)] == id; }
    void add(const RecordId& id) { slots_[slot(id)] = id; }
    void save(base::Encoder& out) const {
        for (const RecordId& id : slots_) {
            out.put(id.time_ns);
            out.put(id.serial);
        }
    }
    void restore(base::Decoder& in) {
        for (RecordId& id : slots_) {
            in.get(id.time_ns);
            in.get(id.serial);
        }
    }

private:
    [[nodiscard]] std::size_t slot(const RecordId& id) const {
        return static_cast<std::size_t>(id.serial) % slots_.size();
    }
    std::vector<RecordId> slots_;
};

/// auditd's log_format = ENRICHED appends interpreted fields behind this.
std::string_view without_enrichment(std::string_view line) {
    constexpr char separator = '\x1d';
    return line.substr(0, line.find(separator));
}

struct Pending {
    Event event;
    bool whole = false;             ///< nothing has to follow
    bool ended = false;             ///< nothing can follow
    std::uint64_t last_record = 0;  ///< count of records when the last one of this event came
    std::int64_t last_received_ns = 0;

    void save(base::Encoder& out) const {
        event.save(out);
        out.put(whole);
        out.put(ended);
        out.put(last_record);
        out.put(last_received_ns);
    }
    void restore(base::Decoder& in) {
        event.restore(in);
        in.get(whole);
        in.get(ended);
        in.get(last_record);
        in.get(last_received_ns);
    }
};

}  // namespace

struct Assembler::State {
    State(Take to, AssemblerLimits within)
        : take(std::move(to)), limits(within), released(within.remembered), holes(within.patience_ns) {}

    Take take;
    AssemblerLimits limits;
    AssemblerCounters counters;
    /// By ascending serial: the kernel's, and those that auditd counted.
    std::deque<Pending> pending, of_auditd;
    Released released;
    SerialHoles holes;  ///< in the kernel's
    std::int64_t now_ns = 0;
    bool keeps_records = true;

    Pending* pending_for(const RecordId& id, Counter by);
    /// Whose front is the next event; nullptr where there is none.
    std::deque<Pending>* next();
    /// `line`: of a log, whole; empty where the kernel sent it.
    void record(std::uint16_t type, std::string_view text, std::string_view line, std::int64_t received_ns);
    [[nodiscard]] bool due(const Pending& event) const;
    void hand_over_due();
    void hand_over_front(std::deque<Pending>& events);
    void tell(std::optional<model::Lost>&& lost);
};

Pending* Assembler::State::pending_for(const RecordId& id, Counter by) {
    auto& events = by == Counter::kernel ? pending : of_auditd;
    auto at = events.end();
    while (at != events.begin() && std::prev(at)->event.id().serial > id.serial) --at;
    if (at != events.begin() && std::prev(at)->event.id() == id) return &*std::prev(at);
    if (released.contains(id)) return nullptr;
    return &*events.insert(at, Pending{Event(id, by)});
}

std::deque<Pending>* Assembler::State::next() {
    if (of_auditd.empty()) return pending.empty() ? nullptr : &pending;
    if (pending.empty()) return &of_auditd;
    // Of two counts only the clock tells which came first.
    return of_auditd.front().event.id().time_ns < pending.front().event.id().time_ns ? &of_auditd : &pending;
}

void Assembler::State::record(std::uint16_t type, std::string_view text, std::string_view line,
                              std::int64_t received_ns) {
    const auto whole = text;
    now_ns = std::max(now_ns, received_ns);
    RecordId id;
    if (!take_id(text, id)) {
        ++counters.malformed;
        return;
    }
    ++counters.records;
    Pending* const event = pending_for(id, counter_of(type));
    if (event == nullptr) {
        ++counters.late;
    } else {
        event->event.absorb(type, text, limits.event_bytes_max, received_ns);
        if (keeps_records) event->event.keep(type, whole, line, limits.event_bytes_max);
        event->ended = event->ended || ends_event(type);
        event->whole = event->ended || (may_stand_alone(type) && !event->event.has_call());
        event->last_record = counters.records;
        event->last_received_ns = received_ns;
    }
    hand_over_due();
}

bool Assembler::State::due(const Pending& event) const {
    const auto records_since = counters.records - event.last_record;
    const auto ns_since = event.last_received_ns == 0 ? 0 : now_ns - event.last_received_ns;
    if (event.whole) return records_since >= limits.slack || ns_since >= limits.settle_ns;
    return records_since >= limits.window || ns_since >= limits.patience_ns;
}

void Assembler::State::hand_over_due() {
    for (auto* events = next(); events != nullptr && due(events->front()); events = next()) hand_over_front(*events);
    tell(holes.lost(now_ns));
}

void Assembler::State::tell(std::optional<model::Lost>&& lost) {
    if (lost) take(std::move(*lost));
}

void Assembler::State::hand_over_front(std::deque<Pending>& events) {
    Pending& event = events.front();
    if (&events == &pending) holes.came(event.event.id(), now_ns);
    // An event without its end may have handed over its first record alone: the rest makes another.
    if (event.ended || event.event.has_call()) released.add(event.event.id());
    ++counters.events;
    if (!event.whole) ++counters.incomplete;
    auto kept = event.event.kept();
    if (auto observation = event.event.observation()) take(std::move(*observation));
    if (kept) take(std::move(*kept));
    events.pop_front();
}

std::optional<LineStamp> stamp_of(std::string_view line) {
    line = without_enrichment(line);
    LineStamp stamp;
    RecordId id;
    if (!take_line_head(line, stamp.node, stamp.type)) return std::nullopt;
    stamp.text = line;
    if (!take_id(line, id)) return std::nullopt;
    stamp.time_ns = id.time_ns;
    stamp.serial = id.serial;
    return stamp;
}

Assembler::Assembler(Take take, AssemblerLimits limits) : state_(std::make_unique<State>(std::move(take), limits)) {}
Assembler::~Assembler() = default;
Assembler::Assembler(Assembler&&) noexcept = default;
Assembler& Assembler::operator=(Assembler&&) noexcept = default;

void Assembler::record(std::uint16_t type, std::string_view text, std::int64_t received_ns) {
    state_->record(type, text, {}, received_ns);
}

void Assembler::keep_records(bool wanted) {
    state_->keeps_records = wanted;
}

void Assembler::line(std::string_view line, std::int64_t received_ns) {
    const auto whole = line;
    line = without_enrichment(line);
    std::string_view node;
    std::uint16_t type = 0;
    if (!take_line_head(line, node, type)) {
        if (!line.empty()) ++state_->counters.malformed;
        return;
    }
    state_->record(type, line, whole, received_ns);
}

void Assembler::advance(std::int64_t received_ns) {
    state_->now_ns = std::max(state_->now_ns, received_ns);
    state_->hand_over_due();
}

void Assembler::finish() {
    for (auto* events = state_->next(); events != nullptr; events = state_->next()) state_->hand_over_front(*events);
    state_->tell(state_->holes.finish());
}

void Assembler::overrun(bool is) {
    if (is) return state_->holes.begin_doubt();
    state_->holes.end_doubt(state_->limits.window);
}

const AssemblerCounters& Assembler::counters() const {
    return state_->counters;
}

void Assembler::save(base::Encoder& out) const {
    const auto& counters = state_->counters;
    for (const auto count : {counters.records, counters.events, counters.malformed, counters.incomplete, counters.late})
        out.put(count);
    out.put(state_->now_ns);
    out.put(state_->keeps_records);
    state_->released.save(out);
    state_->holes.save(out);
    for (const auto* events : {&state_->pending, &state_->of_auditd}) {
        out.put(static_cast<std::uint32_t>(events->size()));
        for (const Pending& event : *events) event.save(out);
    }
}

void Assembler::restore(base::Decoder& in) {
    auto& counters = state_->counters;
    for (auto* count : {&counters.records, &counters.events, &counters.malformed, &counters.incomplete, &counters.late})
        in.get(*count);
    in.get(state_->now_ns);
    in.get(state_->keeps_records);
    state_->released.restore(in);
    state_->holes.restore(in);
    for (auto* events : {&state_->pending, &state_->of_auditd}) {
        events->clear();
        const auto size = in.get<std::uint32_t>();
        for (std::uint32_t i = 0; i < size && in.ok(); ++i) events->emplace_back().restore(in);
    }
}

}  // namespace lineage::audit
