#include "sqlite.hpp"

#include <sys/stat.h>

#include <cstring>

#include "lineage/base/check.hpp"

namespace lineage::store {
namespace {

std::string system_text(sqlite3* handle) {
    const int number = sqlite3_system_errno(handle);
    return number == 0 ? std::string(sqlite3_errmsg(handle)) : std::string(std::strerror(number));
}

// What went wrong, in words for an operator. https://www.sqlite.org/rescode.html
base::Error explain(const std::string& path, sqlite3* handle, int code) {
    using base::ExitCode;
    using base::Remedy;
    const auto error = [&](std::string cause, Remedy remedy, ExitCode exit = ExitCode::unreadable) {
        return base::Error{exit, "database " + path, std::move(cause), remedy};
    };
    switch (code & 0xff) {
        case SQLITE_FULL:
            return error("no space left on its file system", Remedy::waiting);
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return error("locked by another program for " + std::to_string(busy_wait_ms / 1000) + " s",
                         Remedy::waiting);
        case SQLITE_CORRUPT:
            return error("damaged or truncated (" + std::string(sqlite3_errstr(code)) + ")", Remedy::recovery);
        case SQLITE_NOTADB:
            return error("not a database", Remedy::recovery);
        case SQLITE_READONLY:
            return error("read-only", Remedy::waiting, ExitCode::not_permitted);
        case SQLITE_PERM:
            return error("permission denied", Remedy::none, ExitCode::not_permitted);
        case SQLITE_CANTOPEN:
            return error("cannot be opened: " + system_text(handle), Remedy::none);
        case SQLITE_IOERR:
            return error("input/output error: " + system_text(handle), Remedy::waiting);
        default:
            return error(handle == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(handle), Remedy::none);
    }
}

}  // namespace

std::string uri_of(const std::string& path, const char* parameters) {
    static constexpr char hex[] = "0123456789ABCDEF";
    std::string uri = path.starts_with("//") ? "file://" : "file:";
    for (const char c : path) {
        const auto byte = static_cast<unsigned char>(c);
        const bool is_plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                              (byte >= '0' && byte <= '9') || c == '/' || c == '.' || c == '-' || c == '_';
        if (is_plain) {
            uri.push_back(c);
        } else {
            uri.append({'%', hex[byte >> 4], hex[byte & 0xf]});
        }
    }
    return uri + parameters;
}

bool has_no_log(const std::string& path) {
    struct stat status {};
    return ::stat((path + "-wal").c_str(), &status) != 0 || status.st_size == 0;
}

Database::Database(std::string path, const std::string& uri, int flags) : path_(std::move(path)) {
    // Its count of memory in use costs a mutex at every allocation, 5% of an import, and is asked by nobody.
    [[maybe_unused]] static const int configured = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    const int code =
        sqlite3_open_v2(uri.c_str(), &handle_, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
    if (code != SQLITE_OK) {
        fail(code);
        return;
    }
    sqlite3_busy_timeout(handle_, busy_wait_ms);
}

Database::~Database() {
    CHECK(sqlite3_close(handle_) == SQLITE_OK);
}

void Database::execute(const char* sql) {
    if (failed()) return;
    const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) fail(code);
}

void Database::attempt(const char* sql) {
    sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
}

void Database::fail(int code) {
    if (!failed()) failure_ = explain(path_, handle_, code);
}

void Database::fail(std::string cause, base::Remedy remedy) {
    if (!failed()) failure_ = base::Error{base::ExitCode::unreadable, "database " + path_, std::move(cause), remedy};
}

base::Status Database::take_failure() {
    if (!failure_) return {};
    auto failure = tl::unexpected<base::Error>(std::move(*failure_));
    failure_.reset();
    return failure;
}

bool Statement::ready() {
    if (database_.failed()) return false;
    if (statement_ == nullptr) {
        check(sqlite3_prepare_v3(database_.handle(), sql_.c_str(), static_cast<int>(sql_.size()),
                                 SQLITE_PREPARE_PERSISTENT, &statement_, nullptr));
    } else if (running_) {
        sqlite3_reset(statement_);
    }
    running_ = !database_.failed();
    return running_;
}

Statement& Statement::start(const std::vector<std::int64_t>& values) {
    if (!ready()) return *this;
    for (std::size_t at = 0; at < values.size(); ++at) bind(static_cast<int>(at) + 1, values[at]);
    return *this;
}

bool Statement::next() {
    if (!running_) return false;
    if (!database_.failed()) {
        const int code = sqlite3_step(statement_);
        if (code == SQLITE_ROW) return true;
        if (code != SQLITE_DONE) database_.fail(code);
    }
    stop();
    return false;
}

void Statement::stop() {
    sqlite3_reset(statement_);
    running_ = false;
}

std::optional<std::int64_t> Statement::optional(int column) const {
    return is_null(column) ? std::nullopt : std::optional(integer(column));
}

std::string_view Statement::bytes(int column) const {
    const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
    return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

void Statement::bind(int at, const std::optional<std::int64_t>& value) {
    check(value ? sqlite3_bind_int64(statement_, at, *value) : sqlite3_bind_null(statement_, at));
}

void Statement::bind(int at, std::string_view text) {
    check(sqlite3_bind_text64(statement_, at, text.data() == nullptr ? "" : text.data(), text.size(), SQLITE_STATIC,
                              SQLITE_UTF8));
}

void Statement::bind(int at, Blob blob) {
    check(sqlite3_bind_blob64(statement_, at, blob.bytes.data() == nullptr ? "" : blob.bytes.data(), blob.bytes.size(),
                              SQLITE_STATIC));
}

}  // namespace lineage::store
