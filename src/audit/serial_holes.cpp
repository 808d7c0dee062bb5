#include "serial_holes.hpp"

#include <algorithm>

namespace lineage::audit {

namespace {

constexpr std::size_t holes_max = 4096;  // with so many nothing is waited for
// A stamp says when a call began, and its records come at its end: preempted in between, that much later.
constexpr model::TimeNs call_ns = 100'000'000;

}  // namespace

void SerialHoles::came(const RecordId& id, std::int64_t now_ns) {
    if (id.serial <= last_.serial) return fill(id.serial);
    const bool is_doubted = doubtful_ || left_ > 0;
    if (is_doubted && last_.serial >= 0 && id.serial - last_.serial > 1) {
        const auto began_ns = std::max(last_.time_ns, id.time_ns);
        holes_.push_back({last_.serial + 1, id.serial - 1, std::min(last_.time_ns, id.time_ns),
                          std::clamp(now_ns, began_ns, began_ns + call_ns), now_ns});
    }
    if (!doubtful_ && left_ > 0) --left_;
    last_ = id;
}

void SerialHoles::fill(std::int64_t serial) {
    const auto hole =
        std::partition_point(holes_.begin(), holes_.end(), [serial](const Hole& one) { return one.last < serial; });
    if (hole == holes_.end() || serial < hole->first) return;
    Hole behind = *hole;
    behind.first = serial + 1;
    hole->last = serial - 1;
    const bool is_empty = hole->last < hole->first;
    if (behind.first > behind.last) {
        if (is_empty) holes_.erase(hole);
    } else if (is_empty) {
        *hole = behind;
    } else {
        holes_.insert(hole + 1, behind);
    }
}

std::optional<model::Lost> SerialHoles::lost(std::int64_t now_ns) {
    if (holes_.size() >= holes_max) return take(now_ns);
    if (holes_.empty() || now_ns - holes_.front().found_ns < 2 * patience_ns_) return std::nullopt;
    return take(now_ns - patience_ns_);
}

std::optional<model::Lost> SerialHoles::finish() {
    auto lost = take(INT64_MAX);
    *this = SerialHoles(patience_ns_);
    return lost;
}

std::optional<model::Lost> SerialHoles::take(std::int64_t found_until_ns) {
    const auto end = std::partition_point(holes_.begin(), holes_.end(),
                                          [found_until_ns](const Hole& one) { return one.found_ns <= found_until_ns; });
    if (end == holes_.begin()) return std::nullopt;
    model::Lost lost{model::Witness::audit, holes_.front().from_ns, holes_.front().to_ns, 0,
                     "audit's queue overflowed, and these serials never came"};
    for (auto hole = holes_.begin(); hole != end; ++hole) {
        lost.from_ns = std::min(lost.from_ns, hole->from_ns);
        lost.to_ns = std::max(lost.to_ns, hole->to_ns);
        *lost.count += hole->last - hole->first + 1;
    }
    holes_.erase(holes_.begin(), end);
    return lost;
}

void SerialHoles::save(base::Encoder& out) const {
    out.put(doubtful_);
    out.put(left_);
    out.put(last_.time_ns);
    out.put(last_.serial);
    out.put(static_cast<std::uint32_t>(holes_.size()));
    for (const Hole& hole : holes_)
        for (const auto value : {hole.first, hole.last, hole.from_ns, hole.to_ns, hole.found_ns}) out.put(value);
}

void SerialHoles::restore(base::Decoder& in) {
    in.get(doubtful_);
    in.get(left_);
    in.get(last_.time_ns);
    in.get(last_.serial);
    holes_.clear();
    const auto size = in.get<std::uint32_t>();
    for (std::uint32_t i = 0; i < size && in.ok(); ++i) {
        Hole& hole = holes_.emplace_back();
        for (auto* value : {&hole.first, &hole.last, &hole.from_ns, &hole.to_ns, &hole.found_ns}) in.get(*value);
    }
}

}  // namespace lineage::audit
