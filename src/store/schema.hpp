// The schema's version and how it comes to be what this program needs: numbered migrations, applied in one transaction.
#pragma once

#include <span>

#include "sqlite.hpp"

namespace lineage::store {

/// `PRAGMA application_id` of our databases: "LINE". schema/0001_initial.sql sets it.
constexpr int application_id = 0x4c494e45;

struct Migration {
    int number = 0;
    const char* sql = "";
};

/// What schema/ holds, ascending, without holes.
std::span<const Migration> migrations();

/// The version of an existing database that is ours and not newer than `known`'s last; 0 for one that is still empty.
base::Result<int> schema_version(Database& database, std::span<const Migration> known);

/// Brings an empty or older database to `known`'s last version, or leaves it as it was.
base::Status migrate(Database& database, std::span<const Migration> known);

}  // namespace lineage::store
