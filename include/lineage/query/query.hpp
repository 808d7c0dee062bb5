// What a reader may ask. Knows names (PROC, times, users) and the store's Reader; knows no SQL and prints nothing.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "lineage/base/result.hpp"
#include "lineage/model/forest.hpp"
#include "lineage/store/store.hpp"

namespace lineage::query {

/// "@812", "4242" or "2026-11-21T10:30:12.345:530" / "1763720000.123:530".
struct ProcessName {
    enum class Kind { pid, id, event } kind = Kind::pid;
    std::int64_t number = 0;    ///< pid, id or serial
    model::TimeNs time_ns = 0;  ///< of an event
};
base::Result<ProcessName> parse_process(std::string_view text);

/// RFC 3339 ("2026-11-21T10:30:12.345Z", local without zone, date alone, "HH:MM[:SS]" today), Unix seconds
/// ("@1763720000.123" or a bare number with 9 digits or more), "now", or an age ("10m", "2h30m ago").
base::Result<model::TimeNs> parse_time(std::string_view text, model::TimeNs now_ns);
/// A number or a name of the user database.
base::Result<std::uint32_t> parse_user(std::string_view text);

/// A pid or an event is looked for in these boots; empty: in all. Nothing found: Error with ExitCode::nothing_matched.
base::Result<model::Node> resolve(store::Reader& reader, const ProcessName& name, model::TimeNs at_ns,
                                  const std::vector<model::BootId>& boots = {});
/// The process that an audit event is about, looked for in these boots (empty: in all), if any. Where several hosts
/// have it alike: ExitCode::usage, with their names.
base::Result<std::optional<model::Node>> process_of_event(store::Reader& reader, model::TimeNs time_ns,
                                                          std::int64_t serial,
                                                          const std::vector<model::BootId>& boots = {});
/// The same refusal, for who finds it out elsewhere.
tl::unexpected<base::Error> on_several_hosts(std::int64_t serial, const std::set<std::string>& hosts);
/// Is `host` the one that `name` means: the same, or one of them without the domain (auditd's name_format: hostname or
/// fqd)?
bool same_host(std::string_view host, std::string_view name);
base::Result<model::Path> path_of(store::Reader& reader, model::Id id);
/// Adds the kept events: of the process all, of an ancestor those by the birth of the next.
base::Status add_records(store::Reader& reader, model::Path& path);
/// The processes that match with the edges between them. `with_ancestors` adds every selected process's path to pid 0.
base::Result<model::Forest> forest_of(store::Reader& reader, const model::Filter& filter, bool with_ancestors);
/// The gaps that overlap a process's life.
std::vector<model::Gap> gaps_touching(const std::vector<model::Gap>& gaps, const model::Process& process);

}  // namespace lineage::query
