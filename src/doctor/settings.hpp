// The kernel's audit settings: what they may be. A setting in force and a line of a file of rules that will set it are
// judged by the same row.
#pragma once

#include <string>
#include <vector>

#include "lineage/doctor/doctor.hpp"

namespace lineage::doctor {

struct Judged {
    model::Finding::State state = model::Finding::State::ok;
    std::string found;
};

struct KernelSetting {
    const char* option;  ///< auditctl's
    const char* name;    ///< the check's: "rate_limit"
    std::uint32_t audit::KernelState::*value;
    Judged (*judge)(std::uint32_t value, const Facts& facts);
    std::uint32_t (*right)(const Facts& facts);
    bool by_lineaged;  ///< lineaged sets it when it starts
};

const std::vector<KernelSetting>& kernel_settings();

}  // namespace lineage::doctor
