// One line of a log as an audit record, wherever in the line it stands: as auditd writes it, raw or enriched, behind
// what syslog, journald or audispd put before it, or as the kernel prints it ("audit: type=1300 audit(1.2:3): ...").
// And which processes a record names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/model/process.hpp"

namespace lineage::audit {

/// Views into the line.
struct Record {
    std::string_view node;
    std::uint16_t type = 0;  ///< 0: the line names none that libaudit knows
    model::TimeNs time_ns = 0;
    std::int64_t serial = 0;
    std::string_view id;          ///< "audit(1795264323.319:4)"
    std::string_view type_name;   ///< as the line has it: "SYSCALL", "1300"; may be empty
    std::string_view fields;      ///< behind the id
    std::string_view enrichment;  ///< what auditd's log_format = ENRICHED appended, from its 0x1D on; may be empty
};

/// Who counts: auditd has serials of its own for what it says itself (DAEMON_*), from a random one on (src/auditd.c).
enum class Counter : std::uint8_t { kernel, auditd };
Counter counter_of(std::uint16_t type);

/// nullopt for what is no audit record. `line` has no newline.
std::optional<Record> record_of(std::string_view line);

/// "[node=H ]type=T msg=audit(...): fields", what libauparse reads, from a line with whatever before it.
void append_canonical(const Record& record, std::string& out);

/// "type=SYSCALL msg=audit(...): ...\n" as auditd writes it (log_format = RAW), from a record as the kernel sent it:
/// its type and the text "audit(...): ...". What would end the line early in user space's text becomes a blank.
void append_raw_line(std::uint16_t type, std::string_view text, std::string& out);

/// The processes that an event is about, as its records come in.
struct Parties {
    std::optional<model::Pid> subject;  ///< who did it: thread group, initial pid namespace
    std::vector<model::Pid> objects;    ///< whom it was done to (OBJ_PID, ptrace), each once
    /// ptrace's second argument, which is in the caller's pid namespace and may be a thread; meant where no record
    /// names the object.
    std::optional<model::Pid> traced;
    bool of_call = false;  ///< `subject` is from a SYSCALL record, the surest

    void absorb(const Record& record);
};

}  // namespace lineage::audit
