// Which system call a SYSCALL record is about, for any architecture that libaudit knows.
#pragma once

#include <cstdint>
#include <string_view>

namespace lineage::audit {

/// The key of our own rules.
constexpr std::string_view our_key = "lineage";

enum class Call : std::uint8_t {
    other,
    fork,
    vfork,
    clone,
    clone3,
    execve,
    execveat,
    exit,
    exit_group,
    unshare,
    setns,
    open,  ///< and its like
    prctl,
    kill,    ///< and its like, whose second argument is the signal
    tgkill,  ///< and its like, whose third is
    ptrace
};

/// `arch` as in the record (an ELF machine with flags, linux/audit.h), `number` in that table.
Call call_of(std::uint32_t arch, std::int64_t number);

/// The argument that holds clone's flags: a0, but a1 on s390 (CONFIG_CLONE_BACKWARDS2).
int clone_flags_argument(std::uint32_t arch);

}  // namespace lineage::audit
