#include "schema.hpp"

namespace lineage::store {
namespace {

std::int64_t one_integer(Database& database, const char* sql) {
    Statement statement(database, sql);
    const bool found = statement.start().next();
    return found ? statement.integer(0) : 0;
}

}  // namespace

base::Result<int> schema_version(Database& database, std::span<const Migration> known) {
    const auto owner = one_integer(database, "PRAGMA application_id");
    const auto version = one_integer(database, "PRAGMA user_version");
    const auto objects = one_integer(database, "SELECT count(*) FROM sqlite_schema");
    if (auto status = database.take_failure(); !status) return tl::unexpected(status.error());
    const bool is_empty = owner == 0 && version == 0 && objects == 0;
    if (is_empty) return 0;
    if (owner != application_id)
        return base::fail("database " + database.path(), "belongs to another program; nothing was changed");
    const int newest = known.back().number;
    if (version > newest) {
        return base::fail("database " + database.path(), "schema " + std::to_string(version) +
                                                             " is newer than this program's " + std::to_string(newest) +
                                                             ": use the lineage that wrote it, or a later one");
    }
    return static_cast<int>(version);
}

base::Status migrate(Database& database, std::span<const Migration> known) {
    database.execute("BEGIN IMMEDIATE");  // before looking: another program may be migrating too
    const auto version = schema_version(database, known);
    if (version) {
        for (const auto& migration : known) {
            if (migration.number <= *version) continue;
            database.execute(migration.sql);
            database.execute(("PRAGMA user_version = " + std::to_string(migration.number)).c_str());
        }
        database.execute("COMMIT");
    }
    if (database.in_transaction()) database.attempt("ROLLBACK");
    if (!version) return tl::unexpected(version.error());
    return database.take_failure();
}

}  // namespace lineage::store
