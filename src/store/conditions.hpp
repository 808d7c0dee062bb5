// A query that grows with a Filter: its text, and the values for its ?.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "lineage/model/forest.hpp"

namespace lineage::store {

struct Query {
    std::string sql;  ///< "... WHERE ..."
    std::vector<std::int64_t> values;

    void require(const std::string& condition, std::initializer_list<std::int64_t> more = {});
    /// How many rows are likely to be asked for.
    enum class Rows { one, many };
    void require_records(const model::Filter& filter, Rows rows);
    /// What the columns of a process alone decide.
    void require_columns(const model::Filter& filter);
};

}  // namespace lineage::store
