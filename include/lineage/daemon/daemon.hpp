// lineaged: capture and tracker as two processes, from the first check to the orderly end.
//
// Promises: nothing in audit is changed before the database and the journal are known to be usable; what was changed is
// as it was found when run() returns; a tracker that dies is started again while capture goes on; a capture that is
// killed leaves a tracker that reads the journal to its end and then ends.
#pragma once

#include "lineage/base/result.hpp"
#include "lineage/daemon/settings.hpp"

namespace lineage::daemon {

/// Records until SIGTERM, SIGINT or SIGHUP. Without Settings::foreground it returns in the calling process as soon as a
/// process in the background records, or has failed to.
base::Status run(const Settings& settings);

}  // namespace lineage::daemon
