// SQLite by RAII. A connection remembers the first failure since it was last asked; from then on statements do nothing,
// so that a caller runs a series of them and looks once, at its end.
//
// Not thread safe; a Statement must not outlive its Database.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/base/result.hpp"

namespace lineage::store {

/// How long a statement waits for another program's transaction to end.
constexpr int busy_wait_ms = 10'000;

/// A file: URI (https://www.sqlite.org/uri.html) that means exactly this path.
std::string uri_of(const std::string& path, const char* parameters);
/// There is no log beside this database to be seen: if nobody writes it, the file is all there is, and will not change.
bool has_no_log(const std::string& path);

class Database {
public:
    /// `flags` are sqlite3_open_v2's. A failure to open is the first failure.
    Database(std::string path, const std::string& uri, int flags);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    void execute(const char* sql);
    /// Like execute(), but also after a failure and without becoming one: for the end of a transaction.
    void attempt(const char* sql);
    void fail(int code);
    void fail(std::string cause, base::Remedy remedy);
    [[nodiscard]] bool failed() const { return failure_.has_value(); }
    /// The first failure, which is then forgotten.
    base::Status take_failure();

    [[nodiscard]] bool in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }
    [[nodiscard]] sqlite3* handle() const { return handle_; }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
    sqlite3* handle_ = nullptr;
    std::optional<base::Error> failure_;
};

/// A parameter that is to be stored as a blob; a std::string_view is stored as text.
struct Blob {
    std::string_view bytes;
};

/// One prepared statement; prepared at its first use.
class Statement {
public:
    Statement(Database& database, std::string sql) : database_(database), sql_(std::move(sql)) {}
    ~Statement() { sqlite3_finalize(statement_); }
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;

    /// Starts anew with these values for ?1, ?2, ... Texts and blobs must stay in place until the last next().
    template <class... Values>
    Statement& start(const Values&... values) {
        if (!ready()) return *this;
        int at = 0;
        (bind(++at, values), ...);
        return *this;
    }
    Statement& start(const std::vector<std::int64_t>& values);
    /// Steps to the next row; false at the end, and after a failure.
    bool next();
    void run() {
        while (next()) {
        }
    }
    /// Leaves the rows that are left: an unfinished statement holds its transaction open.
    void stop();

    [[nodiscard]] std::int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
    [[nodiscard]] bool is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
    [[nodiscard]] std::optional<std::int64_t> optional(int column) const;
    /// Valid until next() or start().
    [[nodiscard]] std::string_view bytes(int column) const;
    [[nodiscard]] std::string text(int column) const { return std::string(bytes(column)); }

private:
    bool ready();
    void check(int code) {
        if (code != SQLITE_OK) database_.fail(code);
    }
    void bind(int at, std::int64_t value) { check(sqlite3_bind_int64(statement_, at, value)); }
    void bind(int at, const std::optional<std::int64_t>& value);
    void bind(int at, std::string_view text);
    void bind(int at, Blob blob);

    Database& database_;
    std::string sql_;
    sqlite3_stmt* statement_ = nullptr;
    bool running_ = false;
};

}  // namespace lineage::store
