// lineaged: capture and tracker as two processes, from the first check to the orderly end.
//
// Promises: nothing in audit is changed before the database and the journal are known to be usable; what was changed is
// as it was found when run() returns; a tracker that dies is started again while capture goes on; a capture that is
// killed leaves a tracker that reads the journal to its end and then ends.
#pragma once

#include <functional>
#include <string>

#include "lineage/base/result.hpp"
#include "lineage/settings/settings.hpp"

namespace lineage::daemon {

using settings::Settings;
using settings::SourceChoice;

enum class Priority : int { alert = 1, error = 3, warning = 4, notice = 5, info = 6 };  // as syslog(3) numbers them

/// Who runs lineaged, and is told what happens meanwhile; main() stands for them.
struct Operator {
    /// The configuration as it is now.
    std::function<base::Result<Settings>()> reload;
    /// One line. What would be an error at the start is here, too: nobody may have to die of it any more.
    std::function<void(Priority, const std::string& text)> say;
};

/// What a value may only be wrong about on this machine: a user that is not there, a path that leads nowhere, a log in
/// the place of the database or the journal. The error's object is FILE:LINE where a file says it, else the key.
base::Status check_on_this_machine(const Settings& settings);

/// Records until SIGTERM or SIGINT; SIGHUP reloads the configuration. Without Settings::foreground it returns in the
/// calling process as soon as a process in the background records, or has failed to.
base::Status run(const Settings& settings, const Operator& to_whom);

}  // namespace lineage::daemon
