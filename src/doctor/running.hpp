// The lineaged that run, as /proc shows them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lineage::doctor {

/// Empty where it is gone.
std::string comm_of(std::uint32_t pid);
/// One that lives: a dead one that nobody has waited for has no command line.
bool is_lineaged(std::uint32_t pid);
/// Was it started as this systemd unit?
bool is_of_unit(std::uint32_t pid, const std::string& unit);
/// What it was started with, its name left out.
std::vector<std::string> arguments_of(std::uint32_t pid);
/// What follows `name`, as a word of its own or behind a =.
std::optional<std::string> option_of(const std::vector<std::string>& arguments, const std::string& name);

/// The first process of each lineaged.
std::vector<std::uint32_t> recorders();
/// Into which database does it record? By its arguments and settings; its environment is not looked at.
std::string database_of(std::uint32_t pid);

}  // namespace lineage::doctor
