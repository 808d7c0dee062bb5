// Times as people write them.
#pragma once

#include <optional>
#include <string_view>

#include "lineage/model/process.hpp"

namespace lineage::query {

/// A moment that needs no "now": an RFC 3339 time or date (local where it names no zone), or Unix seconds.
/// nullopt where it is neither, or no such moment exists, or a TimeNs cannot hold it.
std::optional<model::TimeNs> parse_moment(std::string_view text);

}  // namespace lineage::query
