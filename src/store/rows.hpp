// How the model's structs and the tables' rows correspond: the packing that schema/ describes.
#pragma once

#include <optional>

#include "lineage/model/process.hpp"
#include "sqlite.hpp"

namespace lineage::store {

/// A process as it stands in its row: texts and credentials are numbers still.
struct ProcessRow {
    model::Process process;
    std::int64_t credentials = 0;
    std::optional<std::int64_t> comm;
};

struct ImageRow {
    model::Id owner = 0;
    model::Image image;
    std::optional<std::int64_t> exe, script, comm, cwd, argv;
    std::int64_t credentials = 0;
};

constexpr const char* process_columns =
    "id, boot, pid, ns_pid, parent, ppid, born_ns, born_serial, marks, lived_ns, ended_after, status, credentials, "
    "comm, "
    "image_owner, image_seq";
ProcessRow read_process(const Statement& row);

constexpr const char* image_columns = "owner, seq, time_ns, serial, exe, script, comm, cwd, argv, credentials, seen_by";
ImageRow read_image(const Statement& row);

struct AttemptRow {
    model::Attempt attempt;
    std::optional<std::int64_t> path, cwd;
};
constexpr const char* attempt_columns = "seq, time_ns, serial, path, error, cwd";
AttemptRow read_attempt(const Statement& row);

constexpr const char* tamper_columns = "id, boot, time_ns, what, by, inferred, pid, auid, from_ns, to_ns, times";
model::Tamper read_tamper(const Statement& row);

std::int64_t marks_of(const model::Process& process);
std::optional<std::int64_t> lived_ns_of(const model::Process& process);
std::optional<std::int64_t> ended_after_of(const model::Process& process);
std::optional<std::int64_t> status_of(const model::Process& process);

/// audit's "unset" is NULL.
std::optional<std::int64_t> column_of(std::uint32_t user);
std::uint32_t user_of(std::optional<std::int64_t> column);

}  // namespace lineage::store
