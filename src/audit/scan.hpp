// One pass over the text of an audit record: its id, then name=value pairs in the order in which they stand. Nothing is
// copied; values are what stands between "=" and the next blank, quotes included.
//
// The kernel writes a value that a task controls either in quotes (no blank, quote, control or non-ASCII byte in it) or
// as upper-case hex (audit_log_n_untrustedstring in kernel/audit.c); "(null)" and "?" stand for none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lineage/model/process.hpp"

namespace lineage::audit {

struct RecordId {
    model::TimeNs time_ns = 0;
    std::int64_t serial = 0;
    bool operator==(const RecordId&) const = default;
};

/// Takes "audit(1795264323.319:4): " off the front of `text`. False, and `text` as it was, when it is not there.
bool take_id(std::string_view& text, RecordId& id);

/// Takes "[node=H ]type=T msg=" off the front; `type` is a number or the kernel's number for the name.
bool take_line_head(std::string_view& line, std::string_view& node, std::uint16_t& type);

/// The number that a type goes by: a name of libaudit's table, a number, or UNKNOWN[number]; 0 where it is none of
/// them.
std::uint16_t type_of(std::string_view name);

/// Takes the next name=value pair; false at the end. Words without "=" are passed over.
bool take_field(std::string_view& text, std::string_view& name, std::string_view& value);

/// What a task-controlled value stands for: unquoted or hex-decoded; empty for (null), (none) and ?.
std::string decode_untrusted(std::string_view value);

bool parse_decimal(std::string_view text, std::int64_t& out);  ///< with an optional sign, nothing behind
bool parse_hex(std::string_view text, std::uint64_t& out);

}  // namespace lineage::audit
