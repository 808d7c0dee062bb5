// What outlives its process, and must not outlive the boot: it stands in /run/lineage, where no disk can be full,
// broken or taken away (hier(7)).
#pragma once

#include <string>

namespace lineage::base {

/// Where `name` stands there; makes the folder if it is missing. A failure shows when the file is opened.
std::string in_run_directory(const std::string& name);
/// An absolute path as part of such a name: dashes for slashes, as systemd-escape(1) does it.
std::string as_name(std::string path);

}  // namespace lineage::base
