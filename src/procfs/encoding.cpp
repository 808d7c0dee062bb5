#include <algorithm>

#include "lineage/base/codec.hpp"
#include "lineage/procfs/entry.hpp"

namespace lineage::procfs {

namespace {

constexpr std::uint8_t encoding_version = 2;  // 1: without the namespaces' inodes

void put_pids(base::Encoder& out, const std::vector<model::Pid>& pids) {
    out.put(static_cast<std::uint32_t>(pids.size()));
    for (const auto pid : pids) out.put(pid);
}

std::vector<model::Pid> get_pids(base::Decoder& in) {
    std::vector<model::Pid> pids;
    for (auto left = in.get<std::uint32_t>(); left > 0 && in.ok(); --left) pids.push_back(in.get<model::Pid>());
    return pids;
}

}  // namespace

std::string encode(const model::Seen& seen) {
    std::string bytes;
    base::Encoder out(bytes);
    out.put(encoding_version);
    out.put(seen.read_ns);
    out.put(seen.started_ns);
    out.put(seen.pid);
    out.put(seen.ppid);
    out.put(static_cast<std::uint8_t>(seen.kernel_thread));
    out.put(static_cast<std::uint8_t>(seen.zombie));
    const auto& who = seen.credentials;
    for (const auto id : {who.uid, who.gid, who.euid, who.egid, who.auid, who.ses}) out.put(id);
    out.put_bytes(who.tty);
    out.put_bytes(seen.comm);
    out.put_bytes(seen.exe);
    out.put_bytes(seen.cwd);
    out.put(static_cast<std::uint32_t>(seen.argv.size()));
    for (const auto& argument : seen.argv) out.put_bytes(argument);
    put_pids(out, seen.ns_pids);
    put_pids(out, seen.tids);
    out.put(seen.pid_namespace);
    out.put(seen.pid_namespace_of_children);
    return bytes;
}

base::Result<model::Seen> decode(std::string_view payload) {
    base::Decoder in(payload);
    const auto version = in.get<std::uint8_t>();
    if (version == 0 || version > encoding_version)
        return base::fail("a /proc frame", "encoding " + std::to_string(version) + " is not known");
    model::Seen seen;
    in.get(seen.read_ns);
    in.get(seen.started_ns);
    for (auto* time_ns : {&seen.read_ns, &seen.started_ns})
        *time_ns = std::clamp<model::TimeNs>(*time_ns, 0, model::time_ns_max);
    in.get(seen.pid);
    in.get(seen.ppid);
    seen.kernel_thread = in.get<std::uint8_t>() != 0;
    seen.zombie = in.get<std::uint8_t>() != 0;
    auto& who = seen.credentials;
    for (auto* id : {&who.uid, &who.gid, &who.euid, &who.egid, &who.auid, &who.ses}) in.get(*id);
    who.tty = in.get_bytes();
    seen.comm = in.get_bytes();
    seen.exe = in.get_bytes();
    seen.cwd = in.get_bytes();
    for (auto left = in.get<std::uint32_t>(); left > 0 && in.ok(); --left) seen.argv.emplace_back(in.get_bytes());
    seen.ns_pids = get_pids(in);
    seen.tids = get_pids(in);
    if (version >= 2) {
        in.get(seen.pid_namespace);
        in.get(seen.pid_namespace_of_children);
    }
    if (!in.ok() || !in.rest().empty()) return base::fail("a /proc frame", "its length is wrong");
    return seen;
}

}  // namespace lineage::procfs
