#include "writer.hpp"

#include <algorithm>

#include "lineage/base/check.hpp"
#include "lineage/base/codec.hpp"
#include "rows.hpp"

namespace lineage::store {
namespace {

constexpr std::size_t name_cache_bytes = 8U << 20;
constexpr std::size_t argv_cache_bytes = 16U << 20;
constexpr std::size_t credentials_cache_bytes = 4U << 20;
constexpr int interned_rows_loaded = 10'000;  // of each table, the newest; a few milliseconds
constexpr int block_bits = 10;

// A cache's key of credentials.
void encode(const model::Credentials& credentials, std::string& out) {
    base::Encoder encoder(out);
    for (const auto value :
         {credentials.uid, credentials.gid, credentials.euid, credentials.egid, credentials.auid, credentials.ses}) {
        encoder.put(value);
    }
    out.append(credentials.tty);
}

}  // namespace

SqliteWriter::SqliteWriter(std::unique_ptr<Database> database, WriterLock lock)
    : lock_(std::move(lock)),
      database_(std::move(database)),
      watch_(database_->path()),
      names_(name_cache_bytes),
      argvs_(argv_cache_bytes),
      credentials_(credentials_cache_bytes),
      horizon_(*database_),
      sweep_(*database_),
      records_(*database_),
      insert_process_(*database_, "INSERT INTO process (" + std::string(process_columns) +
                                      ") VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16)"),
      // Only where no indexed column but life_class changes: this is every process that ends in a later batch.
      update_process_(
          *database_,
          "UPDATE process SET boot=?2, ns_pid=?4, ppid=?6, born_serial=?8, marks=?9, lived_ns=?10, ended_after=?11,"
          " status=?12, credentials=?13, comm=?14, image_owner=?15, image_seq=?16"
          " WHERE id=?1 AND pid=?3 AND parent=?5 AND born_ns=?7"),
      delete_process_(*database_, "DELETE FROM process WHERE id=?1"),
      insert_image_(*database_, "INSERT OR REPLACE INTO image (" + std::string(image_columns) +
                                    ") VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)"),
      delete_images_(*database_, "DELETE FROM image WHERE owner=?1 AND seq>=?2"),
      insert_attempt_(*database_, "INSERT INTO attempt (" + std::string(attempt_columns) +
                                      ", owner) VALUES (?1,?2,?3,?4,?5,?6,?7)"),
      delete_attempts_(*database_, "DELETE FROM attempt WHERE owner=?1"),
      insert_sender_(*database_, "INSERT OR REPLACE INTO sender (process, by) VALUES (?1,?2)"),
      delete_sender_(*database_, "DELETE FROM sender WHERE process=?1"),
      insert_name_(*database_, "INSERT INTO name (text) VALUES (?1)"),
      insert_argv_(*database_, "INSERT INTO argv (bytes) VALUES (?1)"),
      insert_credentials_(
          *database_, "INSERT INTO credentials (uid, gid, euid, egid, auid, ses, tty) VALUES (?1,?2,?3,?4,?5,?6,?7)"),
      widen_block_(*database_,
                   "INSERT INTO block VALUES (?1,?2,?3) ON CONFLICT (id) DO UPDATE SET"
                   " born_from_ns = min(born_from_ns, excluded.born_from_ns), born_to_ns = max(born_to_ns, "
                   "excluded.born_to_ns)") {}

SqliteWriter::~SqliteWriter() {
    sqlite3_busy_timeout(database_->handle(), 0);
    sqlite3_wal_checkpoint_v2(database_->handle(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
}

base::Status SqliteWriter::prepare() {
    load_interned();
    const auto ids = last_ids();
    if (!ids) return tl::unexpected(ids.error());
    largest_id_ = ids->process;
    return database_->take_failure();
}

base::Result<Progress> SqliteWriter::progress() {
    Progress progress;
    Statement position(*database_, "SELECT position FROM position");
    if (position.start().next()) progress.position = static_cast<std::uint64_t>(position.integer(0));
    Statement checkpoint(*database_, "SELECT position, state FROM checkpoint");
    if (checkpoint.start().next()) {
        progress.checkpoint_position = static_cast<std::uint64_t>(checkpoint.integer(0));
        progress.checkpoint = checkpoint.text(1);
    }
    if (auto status = database_->take_failure(); !status) return tl::unexpected(status.error());
    return progress;
}

base::Result<LastIds> SqliteWriter::last_ids() {
    LastIds ids;
    Statement row(*database_,
                  "SELECT (SELECT max(id) FROM process), (SELECT max(id) FROM boot), (SELECT max(id) FROM gap), "
                  "(SELECT max(id) FROM tamper), (SELECT max(id) FROM record)");
    if (row.start().next()) ids = {row.integer(0), row.integer(1), row.integer(2), row.integer(3), row.integer(4)};
    if (auto status = database_->take_failure(); !status) return tl::unexpected(status.error());
    return ids;
}

std::int64_t SqliteWriter::processes_of_imports() {
    Statement row(*database_, "SELECT count(*) FROM process WHERE boot IN (SELECT id FROM boot WHERE imported)");
    return row.start().next() ? row.integer(0) : 0;
}

base::Status SqliteWriter::begin() {
    CHECK(!database_->in_transaction());
    const auto seen = watch_.look();
    if (seen == FileWatch::Sight::moved)
        database_->fail("its file was removed, renamed or replaced", base::Remedy::checking);
    if (seen == FileWatch::Sight::written) database_->fail("another program wrote to its file", base::Remedy::checking);
    database_->execute("BEGIN IMMEDIATE");
    return database_->take_failure();
}

void SqliteWriter::put(const model::Boot& boot) {
    Statement(*database_, "INSERT OR REPLACE INTO boot (id, name, host, started_ns, imported) VALUES (?1,?2,?3,?4,?5)")
        .start(boot.id, std::string_view(boot.name), std::string_view(boot.host), boot.started_ns,
               std::int64_t{boot.imported})
        .run();
}

void SqliteWriter::put(const model::Process& process) {
    const auto store = [&, credentials = credentials(process.credentials),
                        comm = name(process.comm)](Statement& statement) {
        const auto owner = process.image_owner == process.id ? std::nullopt : std::optional(process.image_owner);
        const auto ns_pid = process.ns_pid ? std::optional<std::int64_t>(*process.ns_pid) : std::nullopt;
        statement
            .start(process.id, process.boot, process.pid, ns_pid, process.parent, process.ppid, process.born.time_ns,
                   process.born.serial, marks_of(process), lived_ns_of(process), ended_after_of(process),
                   status_of(process), credentials, comm, owner, process.image_seq)
            .run();
    };
    const bool is_new = process.id > largest_id_;
    if (process.ended && process.ended->by != 0)
        insert_sender_.start(process.id, process.ended->by).run();
    else if (!is_new)
        delete_sender_.start(process.id).run();
    if (!is_new) {
        store(update_process_);
        if (sqlite3_changes(database_->handle()) > 0) return;
        delete_process_.start(process.id).run();
    }
    largest_id_ = std::max(largest_id_, process.id);
    store(insert_process_);
    widen_block(process.id, process.born.time_ns);
}

void SqliteWriter::put(model::Id owner, const model::Image& image) {
    const auto credentials_number = credentials(image.credentials);
    insert_image_
        .start(owner, image.seq, image.time_ns, image.serial, name(image.exe), name(image.script), name(image.comm),
               name(image.cwd), argv(image.argv), credentials_number, std::int64_t{image.witnesses})
        .run();
}

void SqliteWriter::drop_images(model::Id owner, std::int32_t from_seq) {
    delete_images_.start(owner, from_seq).run();
}

void SqliteWriter::put(model::Id owner, const std::vector<model::Attempt>& attempts) {
    delete_attempts_.start(owner).run();
    for (const auto& one : attempts)
        insert_attempt_.start(one.seq, one.time_ns, one.serial, name(one.path), one.error, name(one.cwd), owner).run();
}

void SqliteWriter::put(model::Id id, model::Id owner, const model::KeptEvent& event) {
    records_.put(id, owner, event);
}

void SqliteWriter::move_record(model::Id id, model::Id owner) {
    records_.move(id, owner);
}

void SqliteWriter::drop(model::Id process) {
    records_.drop_of(process);
    delete_images_.start(process, 0).run();
    delete_attempts_.start(process).run();
    delete_sender_.start(process).run();
    delete_process_.start(process).run();
}

void SqliteWriter::put(const model::Gap& gap) {
    Statement(*database_,
              "INSERT OR REPLACE INTO gap (id, boot, from_ns, to_ns, lost, witness, why) VALUES (?1,?2,?3,?4,?5,?6,?7)")
        .start(gap.id, gap.boot, gap.from_ns, gap.to_ns, gap.lost, static_cast<std::int64_t>(gap.witness),
               std::string_view(gap.why))
        .run();
}

void SqliteWriter::put(const model::Tamper& tamper) {
    Statement(*database_,
              "INSERT OR REPLACE INTO tamper (id, boot, time_ns, what, by, inferred, pid, auid, from_ns, to_ns, times) "
              "VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)")
        .start(tamper.id, tamper.boot, tamper.time_ns, std::string_view(tamper.what), tamper.by,
               std::int64_t{tamper.inferred}, tamper.pid, column_of(tamper.auid), tamper.from_ns, tamper.to_ns,
               tamper.times)
        .run();
}

void SqliteWriter::set_position(std::uint64_t position) {
    Statement(*database_, "INSERT OR REPLACE INTO position VALUES (1,?1)")
        .start(static_cast<std::int64_t>(position))
        .run();
}

void SqliteWriter::set_checkpoint(std::uint64_t position, std::string_view state) {
    Statement(*database_, "INSERT OR REPLACE INTO checkpoint VALUES (1,?1,?2)")
        .start(static_cast<std::int64_t>(position), Blob{state})
        .run();
}

void SqliteWriter::set_fact(std::string_view name, std::string_view value) {
    Statement(*database_, "INSERT OR REPLACE INTO fact (name, value) VALUES (?1,?2)").start(name, value).run();
}

void SqliteWriter::drop_boot(std::string_view name) {
    for (const char* sql :
         {"DELETE FROM image WHERE owner IN (SELECT id FROM process WHERE boot IN (SELECT id FROM boot WHERE name=?1))",
          "DELETE FROM attempt WHERE owner IN (SELECT id FROM process WHERE boot IN (SELECT id FROM boot WHERE "
          "name=?1))",
          "DELETE FROM sender WHERE process IN (SELECT id FROM process WHERE boot IN (SELECT id FROM boot WHERE "
          "name=?1))",
          "DELETE FROM record WHERE owner IN (SELECT id FROM process WHERE boot IN (SELECT id FROM boot WHERE "
          "name=?1))",
          "DELETE FROM process WHERE boot IN (SELECT id FROM boot WHERE name=?1)",
          "DELETE FROM gap WHERE boot IN (SELECT id FROM boot WHERE name=?1)",
          "DELETE FROM tamper WHERE boot IN (SELECT id FROM boot WHERE name=?1)", "DELETE FROM boot WHERE name=?1"}) {
        Statement(*database_, sql).start(name).run();
    }
    if (sqlite3_changes(database_->handle()) == 0) return;
    database_->execute("DELETE FROM argv WHERE id NOT IN (SELECT argv FROM image WHERE argv IS NOT NULL)");
    argvs_.clear();
    interned_ = true;
    blocks_.clear();
    database_->execute("DELETE FROM block");
    database_->execute("INSERT INTO block SELECT id >> 10, min(born_ns), max(born_ns) FROM process GROUP BY id >> 10");
}

base::Status SqliteWriter::commit() {
    for (const auto& [block, range] : blocks_) widen_block_.start(block, range.from, range.to).run();
    database_->execute("COMMIT");
    auto status = database_->take_failure();
    if (status) {
        blocks_.clear();
        interned_ = false;
        watch_.forgive();
    } else {
        rollback();
    }
    return status;
}

void SqliteWriter::rollback() {
    if (database_->in_transaction()) database_->attempt("ROLLBACK");
    static_cast<void>(database_->take_failure());
    watch_.forgive();
    blocks_.clear();
    records_.forget_kinds();
    if (!interned_) return;
    forget_interned();
    if (!sweep_.deleting()) load_interned();
    // A cache that could not be loaded costs space, not truth.
    static_cast<void>(database_->take_failure());
    interned_ = false;
}

void SqliteWriter::forget_interned() {
    names_.clear();
    argvs_.clear();
    credentials_.clear();
    last_credentials_.reset();
}

void SqliteWriter::widen_block(model::Id id, model::TimeNs born_ns) {
    const auto [at, is_new] = blocks_.try_emplace(id >> block_bits, Range{born_ns, born_ns});
    if (is_new) return;
    at->second.from = std::min(at->second.from, born_ns);
    at->second.to = std::max(at->second.to, born_ns);
}

std::optional<std::int64_t> SqliteWriter::name(std::string_view text) {
    if (text.empty()) return std::nullopt;
    if (const auto known = names_.find(text)) return sweep_.use(Interned::name, *known), known;
    insert_name_.start(text).run();
    interned_ = true;
    names_.add(text, inserted());
    return inserted();
}

std::optional<std::int64_t> SqliteWriter::argv(const std::vector<std::string>& argv) {
    if (argv.empty()) return std::nullopt;
    buffer_.clear();
    encode_argv(argv, buffer_);
    if (const auto known = argvs_.find(buffer_)) return sweep_.use(Interned::argv, *known), known;
    insert_argv_.start(Blob{buffer_}).run();
    interned_ = true;
    argvs_.add(buffer_, inserted());
    return inserted();
}

std::int64_t SqliteWriter::credentials(const model::Credentials& credentials) {
    if (last_credentials_ && last_credentials_->first == credentials) return last_credentials_->second;
    const auto number = intern(credentials);
    sweep_.use(Interned::credentials, number);
    last_credentials_.emplace(credentials, number);
    return number;
}

std::int64_t SqliteWriter::intern(const model::Credentials& credentials) {
    buffer_.clear();
    encode(credentials, buffer_);
    if (const auto known = credentials_.find(buffer_)) return *known;
    insert_credentials_
        .start(column_of(credentials.uid), column_of(credentials.gid), column_of(credentials.euid),
               column_of(credentials.egid), column_of(credentials.auid), column_of(credentials.ses),
               std::string_view(credentials.tty))
        .run();
    interned_ = true;
    credentials_.add(buffer_, inserted());
    return inserted();
}

void SqliteWriter::load_interned() {
    const auto newest = [](const char* columns, const char* table) {
        return "SELECT id, " + std::string(columns) + " FROM " + table + " ORDER BY id DESC LIMIT " +
               std::to_string(interned_rows_loaded);
    };
    Statement name_rows(*database_, newest("text", "name"));
    for (name_rows.start(); name_rows.next();) names_.add(name_rows.bytes(1), name_rows.integer(0));
    Statement argv_rows(*database_, newest("bytes", "argv"));
    for (argv_rows.start(); argv_rows.next();) argvs_.add(argv_rows.bytes(1), argv_rows.integer(0));
    Statement rows(*database_, newest("uid, gid, euid, egid, auid, ses, tty", "credentials"));
    for (rows.start(); rows.next();) {
        const auto user = [&](int column) { return user_of(rows.optional(column)); };
        buffer_.clear();
        encode({user(1), user(2), user(3), user(4), user(5), user(6), rows.text(7)}, buffer_);
        credentials_.add(buffer_, rows.integer(0));
    }
}

}  // namespace lineage::store
