// The kernel's audit state as a value: read it, compare it, put it back byte for byte.
//
// Plain netlink on purpose (linux/audit.h, kernel/audit.c): what restores a machine after a test must share no code
// with what the test tests.
#pragma once

#include <linux/audit.h>

#include <cstdint>
#include <string>
#include <vector>

namespace audit_state {

struct State {
    audit_status status{};           ///< of its fields, only those that restore() can set take part in a comparison
    std::vector<std::string> rules;  ///< raw struct audit_rule_data, in the kernel's order
};

/// A request socket. Its functions return 0 or an errno value.
class Kernel {
public:
    Kernel() = default;
    Kernel(const Kernel&) = delete;
    Kernel& operator=(const Kernel&) = delete;
    ~Kernel();

    int open();
    int read(State& state);
    /// Makes the kernel's state equal to `wanted` again, the registered daemon included (none). Tries all of it, and
    /// returns the first error.
    int restore(const State& wanted);
    int set(std::uint32_t mask, const audit_status& values);

private:
    int send(std::uint16_t type, const void* payload, std::size_t size);
    int acknowledged(std::uint32_t sequence);
    int request(std::uint16_t type, const void* payload, std::size_t size);
    int read_status(audit_status& status);
    int read_rules(std::vector<std::string>& rules);

    int fd_ = -1;
    std::uint32_t sequence_ = 0;
};

bool same(const State& a, const State& b);
/// One fact a line, rules as hex: for people, and for tests to compare.
std::string text_of(const State& state);

/// Why audit cannot be had, in one line; `error` as open() or read() returned it.
std::string reason(int error);

}  // namespace audit_state
