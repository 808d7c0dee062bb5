// An audit event with the ancestry of the processes that it is about: as `trace` writes it behind the records, as JSON,
// and for people.
#pragma once

#include <string>
#include <vector>

#include "lineage/model/event.hpp"
#include "lineage/render/render.hpp"

namespace lineage::render {

/// history="name=swapper/0;pid=0;start=20261121101502=>...", without newline; no entries: history=?. `name` is comm
/// with every byte outside [A-Za-z0-9._/-] as \ooo; what is not known is ?. Where it is longer than `bytes_max` (0:
/// never), entries of the middle give way to "...(17 omitted)...", never the first and the last.
std::string history_line(const std::vector<model::HistoryEntry>& history, std::size_t bytes_max);

struct TracedParty {
    model::Pid pid = 0;                        ///< 0: no record names one
    std::vector<model::HistoryEntry> history;  ///< empty: its process is not known
};
struct TracedEvent {
    model::InterpretedEvent event;
    TracedParty subject;
    std::vector<TracedParty> objects;
    std::string unplaced;  ///< why the subject has no history; empty: it has
};
/// One object, without newline.
std::string event_json(const TracedEvent& traced, std::size_t history_bytes_max);

/// The records with their fields, and one sentence of what happened.
void event_text(const model::InterpretedEvent& event, const Style& style, std::string& out);
std::string event_sentence(const model::InterpretedEvent& event);

}  // namespace lineage::render
