#include "calls.hpp"

#include <libaudit.h>

#include <array>
#include <utility>
#include <vector>

namespace lineage::audit {

namespace {

constexpr std::size_t numbers_max = 1024;
using Table = std::array<Call, numbers_max>;

constexpr std::pair<const char*, Call> names[] = {
    {"fork", Call::fork},
    {"vfork", Call::vfork},
    {"clone", Call::clone},
    {"clone3", Call::clone3},
    {"execve", Call::execve},
    {"execveat", Call::execveat},
    {"exit", Call::exit},
    {"exit_group", Call::exit_group},
    {"unshare", Call::unshare},
    {"setns", Call::setns},
    {"open", Call::open},
    {"openat", Call::open},
    {"openat2", Call::open},
    {"prctl", Call::prctl},
    {"kill", Call::kill},
    {"tkill", Call::kill},
    {"rt_sigqueueinfo", Call::kill},
    {"pidfd_send_signal", Call::kill},
    {"tgkill", Call::tgkill},
    {"rt_tgsigqueueinfo", Call::tgkill},
    {"ptrace", Call::ptrace},
};

Table make_table(std::uint32_t arch) {
    Table table{};
    const int machine = audit_elf_to_machine(arch);
    if (machine < 0) return table;
    for (const auto& [name, call] : names) {
        const int number = audit_name_to_syscall(name, machine);
        if (number >= 0 && static_cast<std::size_t>(number) < numbers_max)
            table[static_cast<std::size_t>(number)] = call;
    }
    // libaudit 3.0.9's tables for some machines predate clone3, which has one number everywhere (asm-generic/unistd.h).
    constexpr std::size_t clone3_number = 435;
    if (table[clone3_number] == Call::other) table[clone3_number] = Call::clone3;
    return table;
}

}  // namespace

Call call_of(std::uint32_t arch, std::int64_t number) {
    if (number < 0 || static_cast<std::size_t>(number) >= numbers_max) return Call::other;
    struct Known {
        std::uint32_t arch;
        Table table;
    };
    thread_local std::vector<Known> known;
    constexpr std::size_t archs_max = 64;  // a hostile log may name any number of them
    for (const Known& entry : known)
        if (entry.arch == arch) return entry.table[static_cast<std::size_t>(number)];
    if (known.size() == archs_max) known.pop_back();
    known.push_back({arch, make_table(arch)});
    return known.back().table[static_cast<std::size_t>(number)];
}

int clone_flags_argument(std::uint32_t arch) {
    const bool s390 = arch == AUDIT_ARCH_S390 || arch == AUDIT_ARCH_S390X;
    return s390 ? 1 : 0;
}

}  // namespace lineage::audit
