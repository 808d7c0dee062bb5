// Reader::select and Reader::by_event: the answers that may look at many processes.
#include <algorithm>
#include <limits>

#include "conditions.hpp"
#include "reader.hpp"

namespace lineage::store {
namespace {

// The alive are few and have an index, and who descends from one process is found by going down from it.
Query query_of(const model::Filter& filter) {
    Query query;
    if (filter.under != 0) {
        // UNION and not UNION ALL: a damaged database may hold a circle.
        query.sql = filter.depth
                        ? "WITH RECURSIVE below (member, depth) AS (VALUES (?, 0) UNION SELECT id, depth + 1 FROM below"
                          " JOIN process ON parent = member WHERE depth < ?) "
                        : "WITH RECURSIVE below (member) AS (VALUES (?) UNION SELECT id FROM below"
                          " JOIN process ON parent = member) ";
        query.values.push_back(filter.under);
        if (filter.depth) query.values.push_back(*filter.depth);
    }
    query.sql += "SELECT " + std::string(process_columns) + " FROM process WHERE true";
    if (filter.under != 0) query.require("id IN (SELECT member FROM below)");
    query.require_columns(filter);
    query.require_records(filter, Query::Rows::many);
    query.sql += " ORDER BY id";
    return query;
}

// An event's stamp is a second at most from the fact that came of it.
constexpr model::TimeNs stamp_slack_ns = 1'000'000'000;
// Upper bounds of life_class 0 to 4 in schema/0001_initial.sql; 5 and 6 have none.
constexpr model::TimeNs class_bounds_ns[] = {2'000'000'000, 32'000'000'000, 512'000'000'000, 8'192'000'000'000,
                                             131'072'000'000'000};
constexpr int last_life_class = 6;

// ?1 serial, ?2 and ?3 the range of times that a fact of the event may have.
const std::string is_birth = "(born_serial = ?1 AND born_ns BETWEEN ?2 AND ?3)";
const std::string is_end = "(born_serial + ended_after = ?1 AND born_ns + lived_ns BETWEEN ?2 AND ?3)";
const std::string is_own_event = "(" + is_birth + " OR " + is_end + ")";
const std::string own_event_ns =
    "CASE WHEN " + is_birth + " THEN born_ns WHEN " + is_end + " THEN born_ns + lived_ns END";
const std::string is_exec_event = "(serial = ?1 AND time_ns BETWEEN ?2 AND ?3)";

model::TimeNs back(model::TimeNs time_ns, model::TimeNs by_ns) {
    return time_ns < std::numeric_limits<model::TimeNs>::min() + by_ns ? std::numeric_limits<model::TimeNs>::min()
                                                                       : time_ns - by_ns;
}
model::TimeNs forth(model::TimeNs time_ns, model::TimeNs by_ns) {
    return time_ns > std::numeric_limits<model::TimeNs>::max() - by_ns ? std::numeric_limits<model::TimeNs>::max()
                                                                       : time_ns + by_ns;
}

}  // namespace

base::Status SqliteReader::select(const model::Filter& filter, const std::function<bool(model::Node&&)>& take) {
    const Snapshot snapshot(*this);
    const Matcher matcher(*database_, filter);
    Ancestry ancestry(*database_, matcher, filter, false);
    const auto query = query_of(filter);
    Statement rows(*database_, query.sql);
    std::size_t taken = 0;
    for (rows.start(query.values); rows.next();) {
        auto found = matching(read_process(rows), matcher, ancestry);
        if (!found) continue;
        if (database_->failed() || !take(std::move(*found)) || ++taken == filter.limit) break;
    }
    return database_->take_failure();
}

std::optional<model::Node> SqliteReader::matching(ProcessRow&& process, const Matcher& matcher, Ancestry& ancestry) {
    if (!ancestry.matches(process.process)) return std::nullopt;
    const auto images = images_of(process.process.id);
    const auto from_ancestor = inherited(process.process);
    const auto* current = from_ancestor ? &*from_ancestor : own_current(process.process, images);
    if (!matcher.matches(process, images, current)) return std::nullopt;
    return node(std::move(process), images, current);
}

base::Result<std::vector<model::Node>> SqliteReader::by_event(model::TimeNs time_ns, std::int64_t serial,
                                                              const std::vector<model::BootId>& boots) {
    const Snapshot snapshot(*this);
    std::vector<model::Node> nodes;
    if (serial == 0) return nodes;  // audit did not see it
    // What it did to a process says more than on whom it was kept, so that stands last.
    std::vector<Fact> facts;
    add_short_lived_of_event(time_ns, serial, facts);
    add_long_lived_of_event(time_ns, serial, facts);
    records_.each_at(back(time_ns, stamp_slack_ns), forth(time_ns, stamp_slack_ns), serial,
                     [&](model::Id owner, const model::KeptEvent& event) {
                         facts.push_back({owner, event.time_ns});
                     });
    struct Candidate {
        ProcessRow process;
        model::TimeNs off_ns = 0;
    };
    std::map<model::BootId, Candidate> of_boots;
    auto nearest_ns = stamp_slack_ns;
    for (const auto& fact : facts) {
        auto row = find_process(fact.process);
        if (!row) continue;
        const auto boot = row->process.boot;
        if (!boots.empty() && std::find(boots.begin(), boots.end(), boot) == boots.end()) continue;
        const auto off_ns = fact.time_ns < time_ns ? time_ns - fact.time_ns : fact.time_ns - time_ns;
        auto& candidate = of_boots.try_emplace(boot, Candidate{std::move(*row), off_ns}).first->second;
        candidate.off_ns = std::min(candidate.off_ns, off_ns);
        nearest_ns = std::min(nearest_ns, off_ns);
    }
    for (auto& [boot, candidate] : of_boots)
        if (candidate.off_ns == nearest_ns) nodes.push_back(node(std::move(candidate.process)));
    return answer(std::move(nodes));
}

base::Result<std::vector<EventOfBoot>> SqliteReader::kept_at(model::TimeNs time_ns, std::int64_t serial) {
    const Snapshot snapshot(*this);
    std::vector<EventOfBoot> events;
    records_.each_at(back(time_ns, stamp_slack_ns), forth(time_ns, stamp_slack_ns), serial,
                     [&](model::Id owner, model::KeptEvent&& event) {
                         const auto row = find_process(owner);
                         if (row) events.push_back({row->process.boot, std::move(event)});
                     });
    return answer(std::move(events));
}

void SqliteReader::add_short_lived_of_event(model::TimeNs time_ns, std::int64_t serial, std::vector<Fact>& facts) {
    const auto from = back(time_ns, stamp_slack_ns);
    const auto to = forth(time_ns, stamp_slack_ns);
    // Births too are found here, those of the long-lived included.
    Statement blocks(*database_, "SELECT id FROM block WHERE born_from_ns <= ?2 AND born_to_ns >= ?1");
    Statement members(*database_, "SELECT id, " + own_event_ns +
                                      " FROM process WHERE id BETWEEN ?4 << 10 AND (?4 << 10) + 1023 AND " +
                                      is_own_event +
                                      " UNION ALL SELECT owner, time_ns FROM image WHERE owner BETWEEN ?4 << 10 AND"
                                      " (?4 << 10) + 1023 AND " +
                                      is_exec_event +
                                      " UNION ALL SELECT owner, time_ns FROM attempt WHERE owner BETWEEN ?4 << 10 AND"
                                      " (?4 << 10) + 1023 AND " +
                                      is_exec_event);
    for (blocks.start(back(from, class_bounds_ns[0]), to); blocks.next();) {
        for (members.start(serial, from, to, blocks.integer(0)); members.next();)
            facts.push_back({members.integer(0), members.integer(1)});
    }
}

void SqliteReader::add_long_lived_of_event(model::TimeNs time_ns, std::int64_t serial, std::vector<Fact>& facts) {
    const auto from = back(time_ns, stamp_slack_ns);
    const auto to = forth(time_ns, stamp_slack_ns);
    const auto first_of = [](const char* table) {
        return "(SELECT time_ns FROM " + std::string(table) + " WHERE owner = process.id AND " + is_exec_event + ")";
    };
    Statement members(*database_,
                      "SELECT id, coalesce(" + own_event_ns + ", " + first_of("image") + ", " + first_of("attempt") +
                          ") AS at FROM process WHERE life_class > 0 AND life_class = ?4 AND born_ns BETWEEN ?5 AND ?3"
                          " AND (lived_ns IS NULL OR born_ns + lived_ns >= ?2) AND at IS NOT NULL");
    for (int life_class = 1; life_class <= last_life_class; ++life_class) {
        const bool is_bounded = life_class < static_cast<int>(std::size(class_bounds_ns));
        const auto born_from =
            is_bounded ? back(from, class_bounds_ns[life_class]) : std::numeric_limits<model::TimeNs>::min();
        for (members.start(serial, from, to, life_class, born_from); members.next();)
            facts.push_back({members.integer(0), members.integer(1)});
    }
}

}  // namespace lineage::store
