// The wish that a command that runs for long should end: SIGINT, SIGTERM or SIGHUP. It then ends in order, with what it
// has; the same signal once more ends it as it stands.
#pragma once

#include "lineage/base/result.hpp"

namespace lineage::cli {

/// From now on those signals are wishes, SIGHUP not where it is ignored (nohup). What it gives becomes readable with
/// the first.
base::Result<int> end_on_signals();
[[nodiscard]] bool end_wanted();

}  // namespace lineage::cli
