// What the history itself tells where the tracker's own state is lost (a checkpoint of another version, or damaged,
// or frames behind it that the journal has no more): which boot it is, who lives, and who just did.
#pragma once

#include <map>
#include <string>

#include "lineage/base/result.hpp"
#include "lineage/ingest/pipeline.hpp"
#include "lineage/store/store.hpp"

namespace lineage::ingest {

/// `pipeline` is fresh, its ids are reserved. `facts`: of the recorder that runs (FollowOptions). What is told next
/// counts as told since the history's newest birth.
base::Status remember(Pipeline& pipeline, store::Reader& history, const std::map<std::string, std::string>& facts);

}  // namespace lineage::ingest
