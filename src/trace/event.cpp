#include "lineage/trace/event.hpp"

#include <optional>

#include "lineage/audit/interpret.hpp"
#include "lineage/audit/record.hpp"
#include "placed.hpp"

namespace lineage::trace {

namespace {

/// From the first of the sources that has any. Several hosts may have numbered an event alike: the first record's stamp
/// and host count.
struct Gathered {
    std::string canonical;
    audit::Parties parties;
    std::optional<query::EventStamp> stamp;
    std::string node;
};
Gathered gather(std::string_view text) {
    Gathered gathered;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto record = audit::record_of(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (!record) continue;
        if (!gathered.stamp) {
            gathered.node = record->node;
            gathered.stamp = query::EventStamp{{}, record->time_ns, record->serial};
        }
        if (record->node != gathered.node || record->time_ns != gathered.stamp->time_ns) continue;
        gathered.parties.absorb(*record);
        audit::append_canonical(*record, gathered.canonical);
        gathered.canonical += '\n';
    }
    return gathered;
}

}  // namespace

base::Result<EventAnswer> event_of(store::Reader& reader, model::TimeNs time_ns, std::int64_t serial,
                                   const std::vector<std::unique_ptr<RecordSource>>& sources, const std::string& host) {
    std::string text;
    std::string looked;
    for (auto source = sources.begin(); text.empty() && source != sources.end(); ++source) {
        auto records = (*source)->records(time_ns, serial);
        if (records) text = std::move(*records);
        looked += looked.empty() ? "" : ", ";
        looked += records ? "not in " + (*source)->name() : records.error().message();
    }
    EventAnswer answer;
    auto gathered = gather(text);
    answer.has_records = gathered.stamp.has_value();
    auto stamp = gathered.stamp.value_or(query::EventStamp{{}, time_ns, serial});
    stamp.node = gathered.node;
    query::Histories histories(reader, host);
    if (auto status = histories.refresh(); !status) return tl::unexpected(status.error());
    auto found = placed(histories, stamp, gathered.parties);
    if (!found) return tl::unexpected(found.error());
    if (answer.has_records) answer.traced.event = audit::interpret(gathered.canonical);
    answer.traced.event.node = gathered.node;
    answer.traced.event.time_ns = stamp.time_ns;
    answer.traced.event.serial = serial;
    if (!found->has_subject()) {
        // What the database made of it may tell more than the records that are left.
        const auto node = reader.by_event(stamp.time_ns, serial);
        if (!node) return tl::unexpected(node.error());
        if (*node) {
            auto history = histories.history((*node)->process.id, stamp);
            if (!history) return tl::unexpected(history.error());
            found->subject = {(*node)->process.pid, std::move(*history)};
        } else if (!answer.has_records) {
            return base::fail("event " + std::to_string(serial),
                              "no process was born, ended or given an image by it, and no record of it was found: " +
                                  (looked.empty() ? "no log was given" : looked),
                              base::ExitCode::nothing_matched);
        } else {
            answer.traced.unplaced = query::text_of(found->missing.front());
        }
    }
    answer.traced.subject = std::move(found->subject);
    answer.traced.objects = std::move(found->objects);
    return answer;
}

}  // namespace lineage::trace
