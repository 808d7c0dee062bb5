// Where a journal whose older segments are gone begins, and what another history tells of that moment.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lineage/base/result.hpp"
#include "lineage/model/forest.hpp"

namespace lineage::ingest {

struct Beginning {
    std::optional<model::Boot> boot;  ///< the one of `boots` that it begins in; none: not known there
    model::TimeNs time_ns = model::time_ns_max;
    bool is_told = false;            ///< the first frame says which boot it is
    std::vector<model::Node> lives;  ///< of that boot, alive then or until just before, as they were

    /// Is it one of them?
    void take(const model::Node& node);
};

base::Result<Beginning> beginning_of(const std::string& journal, const std::vector<model::Boot>& boots);

}  // namespace lineage::ingest
