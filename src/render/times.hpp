// Times as JSON and as people read them.
#pragma once

#include <string>

#include "lineage/model/process.hpp"

namespace lineage::render {

void append_time_json(model::TimeNs time_ns, std::string& out);
/// "2026-11-21 10:30:12.345", local, or with a Z in UTC; "-" where it is not known (0).
std::string time_text(model::TimeNs time_ns, bool utc);
/// "12 ms", "3.2 s", "4 min 10 s", "2 h 3 min", "3 d 4 h"; "-12 ms" where the end lies before the beginning.
std::string duration_text(model::TimeNs from_ns, model::TimeNs to_ns);

}  // namespace lineage::render
