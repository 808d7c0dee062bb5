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
const std::string is_own_event =
    "((born_serial = ?1 AND born_ns BETWEEN ?2 AND ?3)"
    " OR (born_serial + ended_after = ?1 AND born_ns + lived_ns BETWEEN ?2 AND ?3))";
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

base::Result<std::optional<model::Node>> SqliteReader::by_event(model::TimeNs time_ns, std::int64_t serial) {
    const Snapshot snapshot(*this);
    std::optional<model::Node> found;
    if (serial != 0) {  // 0 means that audit did not see it
        auto id = short_lived_of_event(time_ns, serial);
        if (!id) id = long_lived_of_event(time_ns, serial);
        if (!id) id = records_.owner_at(back(time_ns, stamp_slack_ns), forth(time_ns, stamp_slack_ns), serial);
        if (id) {
            if (auto row = find_process(*id)) found = node(std::move(*row));
        }
    }
    return answer(std::move(found));
}

base::Result<std::optional<model::KeptEvent>> SqliteReader::record(model::TimeNs time_ns, std::int64_t serial) {
    const Snapshot snapshot(*this);
    return answer(records_.at(back(time_ns, stamp_slack_ns), forth(time_ns, stamp_slack_ns), serial));
}

std::optional<model::Id> SqliteReader::short_lived_of_event(model::TimeNs time_ns, std::int64_t serial) {
    const auto from = back(time_ns, stamp_slack_ns);
    const auto to = forth(time_ns, stamp_slack_ns);
    // Births too are found here, those of the long-lived included.
    Statement blocks(*database_, "SELECT id FROM block WHERE born_from_ns <= ?2 AND born_to_ns >= ?1");
    Statement members(*database_,
                      "SELECT id FROM process WHERE id BETWEEN ?4 << 10 AND (?4 << 10) + 1023 AND " + is_own_event +
                          " UNION ALL SELECT owner FROM image WHERE owner BETWEEN ?4 << 10 AND (?4 << 10) + 1023 AND " +
                          is_exec_event +
                          " UNION ALL SELECT owner FROM attempt WHERE owner BETWEEN ?4 << 10 AND (?4 << 10) + 1023"
                          " AND " +
                          is_exec_event);
    for (blocks.start(back(from, class_bounds_ns[0]), to); blocks.next();) {
        if (members.start(serial, from, to, blocks.integer(0)).next()) return members.integer(0);
    }
    return std::nullopt;
}

std::optional<model::Id> SqliteReader::long_lived_of_event(model::TimeNs time_ns, std::int64_t serial) {
    const auto from = back(time_ns, stamp_slack_ns);
    const auto to = forth(time_ns, stamp_slack_ns);
    Statement members(*database_,
                      "SELECT id FROM process WHERE life_class > 0 AND life_class = ?4 AND born_ns BETWEEN ?5 AND ?3"
                      " AND (lived_ns IS NULL OR born_ns + lived_ns >= ?2) AND (" +
                          is_own_event + " OR EXISTS (SELECT 1 FROM image WHERE owner = process.id AND " +
                          is_exec_event + ") OR EXISTS (SELECT 1 FROM attempt WHERE owner = process.id AND " +
                          is_exec_event + "))");
    for (int life_class = 1; life_class <= last_life_class; ++life_class) {
        const bool is_bounded = life_class < static_cast<int>(std::size(class_bounds_ns));
        const auto born_from =
            is_bounded ? back(from, class_bounds_ns[life_class]) : std::numeric_limits<model::TimeNs>::min();
        if (members.start(serial, from, to, life_class, born_from).next()) return members.integer(0);
    }
    return std::nullopt;
}

}  // namespace lineage::store
