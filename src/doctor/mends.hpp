// Mends that several checks print. Each is a command that can be given to a shell as it stands, on this machine and in
// the state it is in; where there is none, what a person has to do, as a shell's comment.
#pragma once

#include <string>

#include "lineage/doctor/doctor.hpp"

namespace lineage::doctor {

/// As a shell takes it for one word. Without a backslash: a terminal shows that as two.
std::string quoted(const std::string& word);
/// What only a person can do.
std::string by_hand(const std::string& what);

/// How `name` is called here, its bare name where it is not there at all.
std::string program(const Facts& facts, const std::string& name);
bool has_program(const Facts& facts, const std::string& name);

/// Starts a lineaged that records into the database that was asked for.
std::string start_recorder(const Facts& facts);
/// Starts it once more, where it runs but what it should have done is not so: a running one puts our rules and settings
/// back by itself.
std::string restart_recorder(const Facts& facts);
/// Whichever of the two there is to do.
std::string set_recording(const Facts& facts);
/// It takes over the lineage.toml that was just changed: " && ...", or nothing where none runs.
std::string and_reload(const Facts& facts);
/// `auditctl words`. Where that is not installed: lineaged, if `by_lineaged` (it does the same when it starts).
std::string control_audit(const Facts& facts, const std::string& words, bool by_lineaged);
/// This very command, by who may.
std::string ask_as_root(const Facts& facts);

}  // namespace lineage::doctor
