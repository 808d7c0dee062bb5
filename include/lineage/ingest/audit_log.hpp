// The standard audit log out of the journal: the records that the kernel sent us as the only audit daemon, a line each,
// as auditd writes them (log_format = RAW; no EOE), in a set of files as auditd rotates it.
//
// The log is a function of the journal, so a restart writes nothing twice and leaves nothing out: beside the journal is
// kept how far the log had come (a journal position; a file and its size), what the journal has since then is made
// again, and what of it the files hold already is passed over. Whoever else wrote to the file meanwhile is respected:
// we go on behind him.
//
// What waiting may help against (a full disk) is waited for; meanwhile the records are in the journal. They are missing
// from the log only when the journal had to let go of them first, and that is told.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "lineage/base/result.hpp"

namespace lineage::ingest {

struct AuditLogOptions {
    std::string journal;
    std::string file;
    std::string place;  ///< how far it has come is kept there
    std::uint64_t file_bytes_max = 8U << 20;
    int files = 5;
    std::uint64_t from = 0;  ///< the journal position to begin at where `place` does not say
    int retry_ms = 1000;
    /// Told when the log cannot be written, and when it can again (also the first time).
    std::function<void(const base::Status&)> tell = [](const base::Status&) {};
};

/// Until `stop_requested` and the journal's end; with the log in trouble, until `stop_requested`.
base::Status write_audit_log(const AuditLogOptions& options, const volatile int& stop_requested);

}  // namespace lineage::ingest
