#include "conditions.hpp"

namespace lineage::store {

void Query::require(const std::string& condition, std::initializer_list<std::int64_t> more) {
    sql += " AND " + condition;
    values.insert(values.end(), more);
}

namespace {

/// As an SQL text.
std::string quoted(const std::string& text) {
    std::string out = "'";
    for (const char c : text) out.append(c == '\'' ? 2 : 1, c);
    return out + "'";
}

}  // namespace

/// One row looks for its own records; of many the few that have any are looked for first.
void Query::require_records(const model::Filter& filter, Rows rows) {
    if (filter.record_type.empty() && filter.record_key.empty()) return;
    std::string kinds = "SELECT id FROM record_kind WHERE true";
    if (!filter.record_type.empty())
        kinds += " AND instr(' ' || types || ' ', " + quoted(" " + filter.record_type + " ") + ") > 0";
    if (!filter.record_key.empty())
        kinds += " AND instr(char(1) || key || char(1), char(1) || " + quoted(filter.record_key) + " || char(1)) > 0";
    require(rows == Rows::one ? "EXISTS (SELECT 1 FROM record WHERE owner = process.id AND kind IN (" + kinds + "))"
                              : "id IN (SELECT owner FROM record WHERE kind IN (" + kinds + "))");
}

void Query::require_columns(const model::Filter& filter) {
    if (filter.pid) require("pid = ?", {*filter.pid});
    if (!filter.boots.empty()) {
        std::string places;
        for (std::size_t i = 0; i < filter.boots.size(); ++i) places += i == 0 ? "?" : ", ?";
        require("boot IN (" + places + ")");
        values.insert(values.end(), filter.boots.begin(), filter.boots.end());
    }
    if (filter.signal) require("status = ?", {-1 - std::int64_t{*filter.signal}});
    if (filter.until_ns) require("born_ns <= ?", {*filter.until_ns});
    if (filter.since_ns) require("(lived_ns IS NULL OR born_ns + lived_ns >= ?)", {*filter.since_ns});
    if (filter.alive_at_ns) {
        require("born_ns <= ? AND (lived_ns IS NULL OR born_ns + lived_ns > ?)",
                {*filter.alive_at_ns, *filter.alive_at_ns});
    }
    // The planner must be shown that the index applies (`life_class > 0`).
    if (filter.alive_only) require("life_class > 0 AND life_class = 6");
}

}  // namespace lineage::store
