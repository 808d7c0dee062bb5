// Our rules. Each architecture gets six, and a system call meets at most all of them, so few and broad is fast.
//
// They stand first. The kernel takes the first rule of the list that matches (__audit_filter_op in kernel/auditsc.c),
// which has two consequences for rules of others that watch the same calls:
// - theirs do not match any more where ours did: the record is made all the same, but carries our key, not theirs;
// - a `never` of theirs no longer hides a call that we record, and our one `never` hides thread creations by clone
//   from them. That is exact: CLONE_THREAD in clone's flags makes a thread, nothing else does (copy_process in
//   kernel/fork.c), and no process is ever born of such a call. clone3 has its flags behind a pointer, so its threads
//   cannot be told apart in the kernel and are recorded.
// A positive rule ("has an exit signal") would spare others that, but would miss processes cloned with exit signal 0.
#include <libaudit.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <initializer_list>
#include <optional>

#include "calls.hpp"
#include "lineage/audit/control.hpp"
#include "rule_view.hpp"

namespace lineage::audit {

namespace {

struct Architecture {
    std::uint32_t arch;  ///< AUDIT_ARCH_*, linux/audit.h
    int machine;         ///< libaudit's table
};

constexpr Architecture architectures[] = {
#if defined(__x86_64__)
    {AUDIT_ARCH_X86_64, MACH_86_64},
    {AUDIT_ARCH_I386, MACH_X86},
#elif defined(__aarch64__)
    {AUDIT_ARCH_AARCH64, MACH_AARCH64},
    {AUDIT_ARCH_ARM, MACH_ARM},
#else
#error "lineage has no rules for this architecture yet"
#endif
};

using Calls = std::initializer_list<const char*>;
constexpr Calls thread_calls = {"clone"};
constexpr Calls life_calls = {"fork", "vfork", "clone", "clone3", "execve", "execveat", "exit", "exit_group"};
// setfsuid and setfsgid change neither uid nor euid. setns may enter a pid namespace; which kind it was does not
// always show in its arguments (a pidfd, nstype 0).
constexpr Calls identity_calls = {"setuid",      "setgid",      "setreuid", "setregid",   "setresuid",
                                  "setresgid",   "setuid32",    "setgid32", "setreuid32", "setregid32",
                                  "setresuid32", "setresgid32", "setns"};
// What setns is given must have been opened before; files on nsfs are nothing else (namespaces(7)).
constexpr Calls open_calls = {"open", "openat", "openat2"};
constexpr Calls unshare_calls = {"unshare"};
constexpr Calls prctl_calls = {"prctl"};

int number_of(const char* name, int machine) {
    const int number = audit_name_to_syscall(name, machine);
    // libaudit's tables may be older than these, which have one number everywhere (asm-generic/unistd.h).
    if (number < 0 && std::strcmp(name, "clone3") == 0) return 435;
    return number < 0 && std::strcmp(name, "openat2") == 0 ? 437 : number;
}

struct Field {
    std::uint32_t name;
    std::uint32_t comparison;
    std::uint32_t value;
};

void add(audit_rule_data& data, const Field& field) {
    data.fields[data.field_count] = field.name;
    data.fieldflags[data.field_count] = field.comparison;
    data.values[data.field_count] = field.value;
    ++data.field_count;
}

/// Byte for byte what the kernel lists again.
std::string rule(Writing writing, const Architecture& architecture, std::uint32_t action, Calls calls,
                 std::initializer_list<Field> conditions) {
    audit_rule_data data{};
    data.flags = AUDIT_FILTER_EXIT;
    data.action = action;
    for (const char* name : calls) {
        const int number = number_of(name, architecture.machine);
        if (number < 0) continue;
        const auto nr = static_cast<std::uint32_t>(number);
        data.mask[AUDIT_WORD(nr)] |= AUDIT_BIT(nr);
    }
    std::vector<Field> fields = {{AUDIT_ARCH, AUDIT_EQUAL, architecture.arch}};
    fields.insert(fields.end(), conditions);
    fields.push_back({AUDIT_FILTERKEY, AUDIT_EQUAL, static_cast<std::uint32_t>(our_key.size())});
    if (writing == Writing::second) std::reverse(fields.begin(), fields.end());
    for (const Field& field : fields) add(data, field);
    data.buflen = static_cast<std::uint32_t>(our_key.size());
    return std::string(reinterpret_cast<const char*>(&data), sizeof data).append(our_key);
}

/// Of the file system of namespaces; the kernel chooses it at each boot. nullopt: there is no /proc yet.
std::optional<dev_t> nsfs_device() {
    struct stat file {};
    if (::stat("/proc/self/ns/pid", &file) != 0) return std::nullopt;
    return file.st_dev;
}

#if defined(__aarch64__)
/// Many arm64 machines have no 32-bit half; a rule for it would only cost time.
bool exists(const Architecture& architecture) {
    if (architecture.arch != AUDIT_ARCH_ARM) return true;
    FILE* file =
        std::fopen("/sys/devices/system/cpu/aarch32_el0", "re");  // Documentation/ABI/testing/sysfs-devices-system-cpu
    if (file != nullptr) std::fclose(file);
    return file != nullptr;
}
#else
bool exists(const Architecture&) {
    return true;
}
#endif

}  // namespace

std::vector<std::string> lineage_rules(Writing writing) {
    std::vector<std::string> rules;
    constexpr Field succeeded = {AUDIT_SUCCESS, AUDIT_EQUAL, 1};
    constexpr Field makes_thread = {AUDIT_ARG0, AUDIT_BIT_MASK, CLONE_THREAD};
    constexpr Field makes_pid_namespace = {AUDIT_ARG0, AUDIT_BIT_MASK, CLONE_NEWPID};
    constexpr Field sets_subreaper = {AUDIT_ARG0, AUDIT_EQUAL, PR_SET_CHILD_SUBREAPER};
    const auto nsfs = nsfs_device();
    for (const Architecture& it : architectures) {
        if (!exists(it)) continue;
        rules.push_back(rule(writing, it, AUDIT_NEVER, thread_calls, {makes_thread}));
        rules.push_back(rule(writing, it, AUDIT_ALWAYS, life_calls, {}));
        rules.push_back(rule(writing, it, AUDIT_ALWAYS, identity_calls, {succeeded}));
        rules.push_back(rule(writing, it, AUDIT_ALWAYS, unshare_calls, {makes_pid_namespace, succeeded}));
        rules.push_back(rule(writing, it, AUDIT_ALWAYS, prctl_calls, {sets_subreaper, succeeded}));
        if (!nsfs) continue;
        const Field on_major = {AUDIT_DEVMAJOR, AUDIT_EQUAL, major(*nsfs)};
        const Field on_minor = {AUDIT_DEVMINOR, AUDIT_EQUAL, minor(*nsfs)};
        rules.push_back(rule(writing, it, AUDIT_ALWAYS, open_calls, {on_major, on_minor, succeeded}));
    }
    return rules;
}

bool needs_proc(const std::string& rule) {
    const auto view = view_of(rule);
    return view && std::any_of(view->fields.begin(), view->fields.end(),
                               [](const RuleField& field) { return field.name == AUDIT_DEVMAJOR; });
}

std::vector<std::string> in_first_writing(std::vector<std::string> rules) {
    const auto first = lineage_rules(Writing::first);
    const auto second = lineage_rules(Writing::second);
    for (auto& rule : rules)
        if (const auto at = std::find(second.begin(), second.end(), rule); at != second.end())
            rule = first[static_cast<std::size_t>(at - second.begin())];
    return rules;
}

bool is_ours(const std::string& rule) {
    constexpr std::uint32_t names[] = {AUDIT_ARCH,     AUDIT_ARG0,     AUDIT_SUCCESS,
                                       AUDIT_DEVMAJOR, AUDIT_DEVMINOR, AUDIT_FILTERKEY};
    const auto view = view_of(rule);
    if (!view || view->list != AUDIT_FILTER_EXIT) return false;
    bool has_key = false;
    for (const RuleField& field : view->fields) {
        if (std::find(std::begin(names), std::end(names), field.name) == std::end(names)) return false;
        has_key = has_key || (field.name == AUDIT_FILTERKEY && field.text == our_key);
    }
    return has_key;
}

}  // namespace lineage::audit
