// What capture's children have in common: each follows the journal in a process of its own, ends when it is told to and
// has read it to its end, and tells capture what is wrong over a channel of packets (SOCK_SEQPACKET). What a child says
// is not trusted: it is read by its packets' first byte and bounds.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "lineage/base/result.hpp"

namespace lineage::daemon {

constexpr std::size_t packet_bytes_max = 16384;

/// What ends a service is sent to all of its processes; but a child has to read what capture will yet append.
constexpr int stop_signal = SIGUSR1;

/// In a child: set by stop_signal.
extern volatile int stop_requested;
void obey_parent_only();
/// Told by the kernel, which forgets it whenever the uid changes (prctl(2)).
void end_with(pid_t parent);
/// A recorder that was killed leaves a child that still reads to the journal's end; its successor lets it finish. The
/// lock ends with this process.
void await_predecessor(const std::string& lock);

/// An error as a packet that begins with `kind`.
std::string encode(char kind, const base::Error& error);
base::Error decode(std::string_view packet);
/// Nothing that a terminal would obey: the sender reads hostile bytes.
std::string printable(std::string_view text);

}  // namespace lineage::daemon
