// Opening: what may be wrong with the path is said in its own words before SQLite sees it. The file itself is never
// opened here, for closing it again would drop the locks that another connection of this process holds on it.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "follower.hpp"
#include "lineage/store/store.hpp"
#include "reader.hpp"
#include "schema.hpp"
#include "writer.hpp"
#include "writer_lock.hpp"

namespace lineage::store {
namespace {

constexpr const char* writer_settings =
    "PRAGMA page_size = 8192;"           // of a new database; 5 bytes a process less than with 4096
    "PRAGMA auto_vacuum = INCREMENTAL;"  // likewise: so that a lowered bound can shrink the file
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = NORMAL;"  // a power loss may take the last transactions, never the database
    "PRAGMA cache_size = -32768;"   // KiB
    "PRAGMA temp_store = MEMORY;"
    "PRAGMA wal_autocheckpoint = 4000;"  // pages: 16 MiB of log between checkpoints
    "PRAGMA journal_size_limit = 67108864;";

base::Status check_file(const std::string& path, int access_mode) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return base::fail_errno("open " + path, errno);
    if (S_ISDIR(status.st_mode)) return base::fail("open " + path, "is a directory, not a database");
    if (!S_ISREG(status.st_mode)) return base::fail("open " + path, "is not a regular file");
    if (::faccessat(AT_FDCWD, path.c_str(), access_mode, AT_EACCESS) != 0)
        return base::fail_errno("open " + path, errno);
    return {};
}

base::Status create_if_missing(const std::string& path) {
    const base::UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640));
    if (!fd && errno != EEXIST) return base::fail_errno("create " + path, errno);
    return {};
}

base::Status check_schema(Database& database) {
    const auto version = schema_version(database, migrations());
    if (!version) return tl::unexpected(version.error());
    const auto object = "database " + database.path();
    const int newest = migrations().back().number;
    if (*version == 0) return base::fail(object, "empty: nothing has been recorded or imported into it yet");
    if (*version < newest) {
        return base::fail(object, "schema " + std::to_string(*version) + " is older than this program's " +
                                      std::to_string(newest) +
                                      ": start this version's lineaged, or import into it, to migrate it");
    }
    return {};
}

base::Result<std::unique_ptr<Database>> open_for_reading(const std::string& path, const char* parameters) {
    auto database = std::make_unique<Database>(path, uri_of(path, parameters), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
    if (auto status = check_schema(*database); !status) return tl::unexpected(status.error());
    return database;
}

}  // namespace

base::Result<std::unique_ptr<Writer>> open_writer(const std::string& path) {
    const auto failed = [](const base::Status& status) { return tl::unexpected(status.error()); };
    if (auto status = create_if_missing(path); !status) return failed(status);
    if (auto status = check_file(path, R_OK | W_OK); !status) return failed(status);
    auto lock = lock_for_writing(path);
    if (!lock) return tl::unexpected(lock.error());
    auto database = std::make_unique<Database>(path, uri_of(path, ""), SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI);
    if (auto version = schema_version(*database, migrations()); !version) return tl::unexpected(version.error());
    // The log and its index stay when the last writer closes, so that who may not create files can still read.
    int keep = 1;
    sqlite3_file_control(database->handle(), "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
    database->execute(writer_settings);
    if (auto status = database->take_failure(); !status) return failed(status);
    if (auto status = migrate(*database, migrations()); !status) return failed(status);
    auto writer = std::make_unique<SqliteWriter>(std::move(database), std::move(*lock));
    if (auto status = writer->prepare(); !status) return failed(status);
    return writer;
}

namespace {

base::Result<std::unique_ptr<SqliteReader>> open_sqlite_reader(const std::string& path) {
    if (auto status = check_file(path, R_OK); !status) return tl::unexpected(status.error());
    auto database = open_for_reading(path, "");
    if (!database && has_no_log(path) && ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) != 0) {
        database = open_for_reading(path, "?immutable=1");
    }
    if (!database) return tl::unexpected(database.error());
    return std::make_unique<SqliteReader>(std::move(*database));
}

}  // namespace

base::Result<std::unique_ptr<Reader>> open_reader(const std::string& path) {
    auto reader = open_sqlite_reader(path);
    if (!reader) return tl::unexpected(reader.error());
    return std::move(*reader);
}

base::Result<std::unique_ptr<Follower>> open_follower(const std::string& path, const model::Filter& filter) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return base::fail_errno("open " + path, errno);
    auto reader = open_sqlite_reader(path);
    if (!reader) return tl::unexpected(reader.error());
    return std::make_unique<SqliteFollower>(std::move(*reader), path, status, filter);
}

}  // namespace lineage::store
