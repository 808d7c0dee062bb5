// One audit event while its records come in, and what it says once they are all there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "calls.hpp"
#include "lineage/audit/record.hpp"
#include "lineage/base/codec.hpp"
#include "lineage/model/observation.hpp"
#include "scan.hpp"
#include "verbatim.hpp"

namespace lineage::audit {

/// Does a record of this type end its event: EOE, PROCTITLE (the last one that a log file has, audit_log_exit in
/// kernel/auditsc.c), or a type that user space sent and that therefore stands alone?
bool ends_event(std::uint16_t type);

/// May an event be this one record, and is it none of those that only ever go with a system call? Such a one may all
/// the same be the beginning of the event of a call that is still under way, and that ends much later.
bool may_stand_alone(std::uint16_t type);

class Event {
public:
    Event() = default;
    Event(RecordId id, Counter by);

    [[nodiscard]] const RecordId& id() const { return id_; }
    [[nodiscard]] bool has_call() const { return has_call_; }

    /// Takes from the record what the tree needs. Records of one event may come in any order and more than once.
    void absorb(std::uint16_t type, std::string_view fields, std::size_t bytes_max, model::TimeNs received_ns);
    /// After absorb(), the same record: as it came (see Verbatim), in case that it is to be kept.
    void keep(std::uint16_t type, std::string_view text, std::string_view line, std::size_t bytes_max);

    /// nullopt when it says nothing about a process. To be called after kept().
    std::optional<model::Observation> observation();
    /// nullopt when its records need not be kept.
    std::optional<model::AuditKept> kept();

    void save(base::Encoder& out) const;
    void restore(base::Decoder& in);

private:
    struct SystemCall {
        Call call = Call::other;
        bool success = true;  ///< exit and exit_group do not say
        std::int64_t result = 0;
        std::uint64_t args[3] = {0, 0, 0};
        std::uint32_t arch = 0;
    };
    void absorb_config_change(std::string_view fields, model::TimeNs received_ns);
    void absorb_task(std::uint16_t type, std::string_view fields);
    void absorb_name(std::string_view fields);
    [[nodiscard]] std::vector<std::string> arguments() const;
    std::optional<model::Observation> of_system_call();
    std::optional<model::Observation> of_open();

    RecordId id_;
    bool has_call_ = false;
    SystemCall call_;
    std::uint16_t special_ = 0;  ///< AUDIT_LOGIN or AUDIT_ANOM_ABEND, 0: neither
    std::int32_t signal_ = 0;
    model::Login set_;       ///< LOGIN's
    bool has_task_ = false;  ///< `task_` is more than a stamp and a name
    model::AuditHeader task_;
    std::string execve_;  ///< the EXECVE records' fields, one after the other
    std::string cwd_;
    std::string path_;  ///< of PATH item 0; likewise:
    std::uint64_t path_inode_ = 0;
    bool path_without_disk_ = false;                  ///< its device has no major number (procfs, nsfs, tmpfs, ...)
    std::optional<model::AuditConfigChange> change_;  ///< the first CONFIG_CHANGE; its task is task_
    std::string key_;                                 ///< of the SYSCALL record
    Verbatim verbatim_;
    std::vector<model::Pid> targets_;  ///< OBJ_PID: whom the call sent a signal to
};

}  // namespace lineage::audit
