// An audit event that is kept as it came, because its records say more than the history takes from them: everything but
// what our own rules have recorded (src/audit/verbatim.hpp decides).
#pragma once

#include <cstdint>
#include <string>

#include "lineage/model/process.hpp"

namespace lineage::model {

struct KeptEvent {
    TimeNs time_ns = 0;
    std::int64_t serial = 0;
    std::string types;  ///< "AVC SYSCALL PATH PROCTITLE": each once, in the order in which they came
    std::string key;  ///< the rule's (auditctl -k); several with 0x01 between them, as the kernel has them; empty: none
    std::string text;  ///< the records, each a line with its newline, as auditd writes its raw log; without EOE

    bool operator==(const KeptEvent&) const = default;
};

}  // namespace lineage::model
