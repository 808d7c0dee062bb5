// Events that never came. A kernel without audit=1 drops what fits into no queue and counts it nowhere
// (kauditd_hold_skb in kernel/audit.c): what tells of it are serials that are missing where the registered socket's
// queue was full. Elsewhere a hole is no loss: a serial is taken before its records are sent, so a task that is
// preempted in between is overtaken by thousands. It comes late, and a hole that is filled within the patience was
// none.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "lineage/base/codec.hpp"
#include "lineage/model/observation.hpp"
#include "scan.hpp"

namespace lineage::audit {

class SerialHoles {
public:
    explicit SerialHoles(std::int64_t patience_ns) : patience_ns_(patience_ns) {}

    /// From here on what is missing is doubted.
    void begin_doubt() { doubtful_ = true; }
    /// The hole ends with one of the next events, of which no more than `events` are held back.
    void end_doubt(std::uint32_t events) {
        doubtful_ = false;
        left_ = events;
    }
    /// An event came, in order of serial but for those that are late.
    void came(const RecordId& id, std::int64_t now_ns);
    /// What has not come within the patience; asked again and again, it tells at most once in that time.
    std::optional<model::Lost> lost(std::int64_t now_ns);
    /// Nothing more comes of this sequence: all that is missing, and begins anew.
    std::optional<model::Lost> finish();

    void save(base::Encoder& out) const;
    void restore(base::Decoder& in);

private:
    struct Hole {
        std::int64_t first = 0;
        std::int64_t last = 0;
        model::TimeNs from_ns = 0;
        model::TimeNs to_ns = 0;
        std::int64_t found_ns = 0;
    };
    void fill(std::int64_t serial);
    /// Those found until `found_until_ns`, as one.
    std::optional<model::Lost> take(std::int64_t found_until_ns);

    std::int64_t patience_ns_;
    bool doubtful_ = false;
    std::uint32_t left_ = 0;   ///< events behind the doubt
    RecordId last_{0, -1};     ///< with the highest serial; -1: none yet
    std::vector<Hole> holes_;  ///< by serial, which is by when they were found
};

}  // namespace lineage::audit
