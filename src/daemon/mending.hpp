// What is done about a database's files before they are opened: what was taken from its place comes back, what is
// damaged is set aside under a name of its own, so that the history is built again from the journal. Nothing is
// overwritten.
#pragma once

#include <string>

#include "lineage/base/result.hpp"

namespace lineage::daemon {

/// `remedy`: what the last tracker's failure asks for. `kept`: open on the database that it wrote, or -1.
/// Returns what was done, for the operator; empty: nothing.
base::Result<std::string> mend_database(const std::string& path, base::Remedy remedy, int kept);

}  // namespace lineage::daemon
