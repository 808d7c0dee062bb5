// How a process is put into words, the same in every view. All that these return is free of hostile bytes.
#pragma once

#include <string>

#include "lineage/render/render.hpp"

namespace lineage::render {

/// "alice (1000)", "1000", or "-" where it is unset.
std::string user_words(std::uint32_t uid, const Style& style);
/// "alive", "exit 3", "SIGSEGV (11), core dumped", or that its end was not seen.
std::string end_words(const model::Process& process);
std::string signal_words(std::int32_t signal);
/// "ENOENT", or the number where it has no name.
std::string error_words(std::int32_t error);
/// "audit, connector".
std::string witness_words(model::Witnesses witnesses);
/// "gap  FROM to TO: 12 lost (audit): why".
std::string gap_words(const model::Gap& gap, const Style& style);
/// "tampering  FROM to TO: what, by pid 4242 (auditctl), id @812, login alice (1000)"; `culprit` nullptr: not known.
std::string tamper_words(const model::Tamper& tamper, const model::Process* culprit, const Style& style);
/// In a line of a table or a tree.
constexpr std::size_t command_bytes_max = 4096;
/// What runs: the exe, " as ARGV0" where argv[0] names another program, the arguments. Cut with "..." at about
/// `bytes_max` bytes (0: not cut), since argv may hold 2 MiB.
std::string command_words(const model::Image& image, std::size_t bytes_max);
/// The same for a process; those without an image go by their comm, kernel threads in brackets.
std::string command_words(const model::Node& node, std::size_t bytes_max);

}  // namespace lineage::render
