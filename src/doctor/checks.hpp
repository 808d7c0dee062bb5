// The checks, by what they are about. Each appends its findings in a fixed order.
#pragma once

#include <fmt/format.h>

#include "lineage/doctor/doctor.hpp"

namespace lineage::doctor {

using model::Finding;
using Findings = std::vector<Finding>;

void check_boot(const Facts& facts, Findings& findings);
void check_audit(const Facts& facts, Findings& findings);
void check_rules(const Facts& facts, Findings& findings);
void check_consumers(const Facts& facts, Findings& findings);
void check_journald(const Facts& facts, Findings& findings);
void check_augenrules(const Facts& facts, Findings& findings);
void check_recorder(const Facts& facts, Findings& findings);
void check_database(const Facts& facts, Findings& findings);
void check_disk(const Facts& facts, Findings& findings);
void check_clock(const Facts& facts, Findings& findings);

inline Finding ok(std::string name, std::string found) {
    return {std::move(name), Finding::State::ok, std::move(found), {}};
}
inline Finding warn(std::string name, std::string found, std::string mend) {
    return {std::move(name), Finding::State::warn, std::move(found), std::move(mend)};
}
inline Finding bad(std::string name, std::string found, std::string mend) {
    return {std::move(name), Finding::State::bad, std::move(found), std::move(mend)};
}
inline Finding skipped(std::string name, std::string found, std::string mend) {
    return {std::move(name), Finding::State::skipped, std::move(found), std::move(mend)};
}

std::string size_text(std::uint64_t bytes);
std::string folder_of(const std::string& path);

}  // namespace lineage::doctor
