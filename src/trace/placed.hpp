// An event's processes, with their histories.
#pragma once

#include <optional>
#include <vector>

#include "lineage/audit/line_window.hpp"
#include "lineage/query/history.hpp"
#include "lineage/render/event.hpp"

namespace lineage::trace {

struct Placed {
    render::TracedParty subject;
    std::vector<render::TracedParty> objects;
    std::vector<query::Unplaced> missing;  ///< one for each of them without a history, the subject's first
    [[nodiscard]] bool has_subject() const { return !subject.history.empty(); }
};

/// For query::EventStamp: auditd's own count says nothing among the kernel's.
constexpr std::int64_t placing_serial(audit::Counter counter, std::int64_t serial) {
    return counter == audit::Counter::kernel ? serial : 0;
}

base::Result<Placed> placed(query::Histories& histories, const query::EventStamp& stamp, const audit::Parties& parties);

}  // namespace lineage::trace
