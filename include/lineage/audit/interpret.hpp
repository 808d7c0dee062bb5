// One whole event in the words of libauparse: every field interpreted, subject, action and object normalised
// (auparse_interpret_field(3), auparse_normalize(3)).
#pragma once

#include <string_view>

#include "lineage/model/event.hpp"

namespace lineage::audit {

/// `records`: those of one event, a line each, as append_canonical writes them. What libauparse cannot read gives an
/// event without records; bytes that it cannot take (NUL) stand as "?".
model::InterpretedEvent interpret(std::string_view records);

}  // namespace lineage::audit
