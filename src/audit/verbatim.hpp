// An event's records as they came, as long as it may turn out that they are to be kept.
//
// Kept is an event with a record that is neither a system call's nor goes with one (LOGIN, USER_*, AVC, SECCOMP,
// ANOM_*, CONFIG_CHANGE, ...), and one whose call was recorded under another key than ours. Under no key at all an
// exec, fork or exit is not kept: the history has what it says, and nobody asked for the rest by name.
//
// What our rules record costs nothing here: the kernel puts the SYSCALL record in front of those that go with it
// (audit_log_exit in kernel/auditsc.c), so nothing of such an event is ever copied. What belongs to a call and stood
// in front all the same was kept out of mere doubt, and is dropped then.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "calls.hpp"
#include "lineage/base/codec.hpp"
#include "lineage/model/kept_event.hpp"

namespace lineage::audit {

/// Does a record of this type only ever say more of a system call (include/uapi/linux/audit.h)?
bool goes_with_call(std::uint16_t type);

class Verbatim {
public:
    /// A record that is no SYSCALL. `line` is the log's, or empty: then it is made as auditd does from the kernel's
    /// `text`, "audit(...): ...". Beyond `bytes_max` no more is taken.
    void add(std::uint16_t type, std::string_view text, std::string_view line, std::size_t bytes_max);
    void add_call(Call call, std::string key, std::string_view text, std::string_view line, std::size_t bytes_max);
    [[nodiscard]] bool kept() const { return verdict_ == Verdict::keep; }
    /// Time and serial are left to the caller.
    [[nodiscard]] model::KeptEvent take();

    void save(base::Encoder& out) const;
    void restore(base::Decoder& in);

private:
    enum class Verdict : std::uint8_t { open, keep, drop };
    void append(std::uint16_t type, std::string_view text, std::string_view line, std::size_t bytes_max);

    Verdict verdict_ = Verdict::open;
    std::string types_, key_, text_;
};

}  // namespace lineage::audit
