// What the history itself tells where the tracker's own state is lost (a checkpoint of another version, or damaged):
// which boot it is, and who lives.
#pragma once

#include <map>
#include <string>

#include "lineage/base/result.hpp"
#include "lineage/ingest/pipeline.hpp"
#include "lineage/store/store.hpp"

namespace lineage::ingest {

/// `pipeline` is fresh, its ids are reserved. `facts`: of the recorder that runs (FollowOptions). The time until which
/// the history tells something of that boot; 0: it knows of none.
base::Result<model::TimeNs> remember(Pipeline& pipeline, store::Reader& history,
                                     const std::map<std::string, std::string>& facts);

}  // namespace lineage::ingest
