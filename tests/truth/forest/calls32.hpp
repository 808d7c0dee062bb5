// System calls of the 32-bit table, made by int 0x80 from this 64-bit program: another entry into the kernel, and other
// numbers in the audit records (arch=40000003).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace forest {

bool calls32_work();  ///< x86 with CONFIG_IA32_EMULATION, not switched off at boot
long fork32();        ///< as fork(2): the child's pid, 0 in the child, or negative

/// What a 32-bit execve points to: it must lie below 4 GiB, and its pointers have four bytes.
struct LowExec {
    void* at = nullptr;
    std::size_t bytes = 0;
    std::uint32_t path = 0, argv = 0, env = 0;
};
LowExec place_low(const std::string& path, const std::vector<char*>& argv, const std::vector<char*>& env);
void drop(LowExec& low);
void execve32(const LowExec& low);  ///< returns where it fails

}  // namespace forest
