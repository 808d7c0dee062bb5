#include "lineage/trace/event.hpp"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <set>

#include "lineage/audit/interpret.hpp"
#include "lineage/audit/record.hpp"
#include "lineage/query/query.hpp"
#include "placed.hpp"

namespace lineage::trace {

namespace {

using Sources = std::vector<std::unique_ptr<RecordSource>>;

/// The records of one host's event.
struct Gathered {
    std::string node;  ///< as they name it
    std::string host;  ///< whose it is: that, or whom its source says
    model::TimeNs time_ns = 0;
    audit::Counter counter = audit::Counter::kernel;
    std::string canonical;
    audit::Parties parties;
};

/// Each host's event apart, and each stamp's.
std::vector<Gathered> gather(const std::vector<RecordSource::Records>& sourced) {
    std::vector<Gathered> events;
    for (const auto& [host, text] : sourced) {
        for (std::string_view rest = text; !rest.empty();) {
            const auto end = std::min(rest.find('\n'), rest.size());
            const auto record = audit::record_of(rest.substr(0, end));
            rest.remove_prefix(std::min(end + 1, rest.size()));
            if (!record) continue;
            const std::string of(record->node.empty() ? std::string_view(host) : record->node);
            const auto counter = audit::counter_of(record->type);
            auto event = std::find_if(events.begin(), events.end(), [&](const Gathered& one) {
                return one.host == of && one.time_ns == record->time_ns && one.counter == counter;
            });
            if (event == events.end())
                event = events.insert(events.end(), {std::string(record->node), of, record->time_ns, counter, {}, {}});
            event->parties.absorb(*record);
            audit::append_canonical(*record, event->canonical);
            event->canonical += '\n';
        }
    }
    return events;
}

/// Which of them is meant; nullopt: there is none of that host.
base::Result<std::optional<Gathered>> nearest(std::vector<Gathered> events, model::TimeNs time_ns, std::int64_t serial,
                                              const std::string& host) {
    std::erase_if(events, [&](const Gathered& event) {
        return !host.empty() && !event.host.empty() && !query::same_host(event.host, host);
    });
    const auto off_ns = [&](const Gathered& event) { return std::abs(event.time_ns - time_ns); };
    std::stable_sort(events.begin(), events.end(),
                     [&](const Gathered& one, const Gathered& other) { return off_ns(one) < off_ns(other); });
    std::set<std::string> hosts;
    for (const auto& event : events)
        if (off_ns(event) == off_ns(events.front())) hosts.insert(event.host);
    if (hosts.size() > 1) return query::on_several_hosts(serial, hosts);
    return events.empty() ? std::nullopt : std::optional(std::move(events.front()));
}

/// From the first of the sources that has any.
base::Result<std::optional<Gathered>> find(const Sources& sources, model::TimeNs time_ns, std::int64_t serial,
                                           const std::string& host, std::string& looked, base::ExitCode& unfound) {
    for (const auto& source : sources) {
        const auto records = source->records(time_ns, serial);
        if (records) {
            auto found = nearest(gather(*records), time_ns, serial, host);
            if (!found || *found) return found;
        }
        looked += looked.empty() ? "" : ", ";
        looked += records ? "not in " + source->name() : records.error().message();
        if (!records && sources.size() == 1) unfound = records.error().exit;  // it was named
    }
    return std::optional<Gathered>();
}

/// What the database made of an event of that host (empty: of any) may tell more than the records that are left.
base::Result<std::optional<model::Node>> made_of_it(store::Reader& reader, const query::EventStamp& stamp,
                                                    std::int64_t serial) {
    std::vector<model::BootId> boots;
    if (!stamp.node.empty()) {
        const auto all = reader.boots();
        if (!all) return tl::unexpected(all.error());
        for (const auto& boot : *all)
            if (query::same_host(boot.host, stamp.node)) boots.push_back(boot.id);
        if (boots.empty()) return std::optional<model::Node>();
    }
    return query::process_of_event(reader, stamp.time_ns, serial, boots);
}

}  // namespace

base::Result<EventAnswer> event_of(store::Reader& reader, model::TimeNs time_ns, std::int64_t serial,
                                   const Sources& sources, const std::string& host) {
    std::string looked;
    auto unfound = base::ExitCode::nothing_matched;
    const auto records = find(sources, time_ns, serial, host, looked, unfound);
    if (!records) return tl::unexpected(records.error());
    const auto gathered = records->value_or(Gathered{{}, {}, time_ns, audit::Counter::kernel, {}, {}});
    const query::EventStamp stamp{gathered.host.empty() ? host : gathered.host, gathered.time_ns,
                                  placing_serial(gathered.counter, serial)};
    query::Histories histories(reader);
    if (auto status = histories.refresh(); !status) return tl::unexpected(status.error());
    auto found = placed(histories, stamp, gathered.parties);
    if (!found) return tl::unexpected(found.error());
    EventAnswer answer;
    answer.has_records = records->has_value();
    if (answer.has_records) answer.traced.event = audit::interpret(gathered.canonical);
    answer.traced.event.node = gathered.node;
    answer.traced.event.time_ns = stamp.time_ns;
    answer.traced.event.serial = serial;
    if (!found->has_subject()) {
        const auto node = made_of_it(reader, stamp, serial);
        if (!node) return tl::unexpected(node.error());
        if (*node) {
            auto history = histories.history((*node)->process.id, stamp);
            if (!history) return tl::unexpected(history.error());
            found->subject = {(*node)->process.pid, std::move(*history)};
        } else if (!answer.has_records) {
            return base::fail("event " + std::to_string(serial),
                              "no process was born, ended or given an image by it, and no record of it was found: " +
                                  (looked.empty() ? "no log was given" : looked),
                              unfound);
        } else {
            answer.traced.unplaced = query::text_of(found->missing.front());
        }
    }
    answer.traced.subject = std::move(found->subject);
    answer.traced.objects = std::move(found->objects);
    return answer;
}

}  // namespace lineage::trace
