// One audit event in the words of people, and the history of a process as `trace` writes it behind an event.
#pragma once

#include <string>
#include <vector>

#include "lineage/model/process.hpp"

namespace lineage::model {

/// What libauparse makes of one event (auparse_interpret_field, auparse_normalize). Bytes are the kernel's, decoded:
/// not necessarily UTF-8. What it does not tell is empty.
struct InterpretedEvent {
    struct Field {
        std::string name;
        std::string value;
    };
    struct Record {
        std::string type;
        std::vector<Field> fields;
    };
    struct Party {
        std::string kind;
        std::string primary;
        std::string secondary;
    };
    std::string node;
    TimeNs time_ns = 0;
    std::int64_t serial = 0;
    std::vector<Record> records;  ///< in order, without EOE
    std::string kind;             ///< "audit-rule", "user-login", ...
    Party subject;
    std::string action;  ///< "executed", "opened-file", ...
    Party object;
    std::string how;  ///< the program
    std::string result;
};

/// One image, or a process that has none of its own.
struct HistoryEntry {
    Id id = 0;
    Pid pid = 0;
    TimeNs start_ns = 0;  ///< of the image, or the birth
    std::string name;     ///< comm
    std::string exe;

    bool operator==(const HistoryEntry&) const = default;
};

}  // namespace lineage::model
