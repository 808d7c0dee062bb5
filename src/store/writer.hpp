// The SQLite Writer: one transaction at a time, prepared statements, texts interned.
#pragma once

#include <map>
#include <optional>
#include <utility>

#include "file_watch.hpp"
#include "horizon.hpp"
#include "intern.hpp"
#include "lineage/base/unique_fd.hpp"
#include "lineage/store/store.hpp"
#include "records.hpp"
#include "sqlite.hpp"
#include "sweep.hpp"
#include "writer_lock.hpp"

namespace lineage::store {

class SqliteWriter final : public Writer {
public:
    /// `database` is open, in WAL mode and of the newest schema; `lock` is held as long as this lives.
    SqliteWriter(std::unique_ptr<Database> database, WriterLock lock);
    /// Leaves an empty log unless a reader is in it. SQLite does the same at the end only as long as it sees the file
    /// by its name (pager.c, databaseIsUnmoved), which lineaged's tracker does not, and nobody where the file was
    /// moved.
    ~SqliteWriter() override;
    SqliteWriter(const SqliteWriter&) = delete;
    SqliteWriter& operator=(const SqliteWriter&) = delete;
    /// What must be known before the first transaction.
    base::Status prepare();

    base::Result<Progress> progress() override;
    base::Result<LastIds> last_ids() override;
    base::Status begin() override;
    void put(const model::Boot& boot) override;
    void put(const model::Process& process) override;
    void put(model::Id owner, const model::Image& image) override;
    void drop_images(model::Id owner, std::int32_t from_seq) override;
    void put(model::Id owner, const std::vector<model::Attempt>& attempts) override;
    void put(model::Id id, model::Id owner, const model::KeptEvent& event) override;
    void move_record(model::Id id, model::Id owner) override;
    void drop(model::Id process) override;
    void put(const model::Gap& gap) override;
    void put(const model::Tamper& tamper) override;
    void set_position(std::uint64_t position) override;
    void set_checkpoint(std::uint64_t position, std::string_view state) override;
    void set_fact(std::string_view name, std::string_view value) override;
    void drop_boot(std::string_view name) override;
    std::int64_t processes_of_imports() override;
    base::Status commit() override;
    void rollback() override;
    base::Result<bool> keep_within(const Bounds& bounds, model::TimeNs now_ns) override;

private:
    struct Range {
        model::TimeNs from = 0;
        model::TimeNs to = 0;
    };
    std::optional<std::int64_t> name(std::string_view text);
    std::optional<std::int64_t> argv(const std::vector<std::string>& argv);
    std::int64_t credentials(const model::Credentials& credentials);
    std::int64_t intern(const model::Credentials& credentials);
    std::int64_t inserted() const { return sqlite3_last_insert_rowid(database_->handle()); }
    void widen_block(model::Id id, model::TimeNs born_ns);
    void load_interned();
    void forget_interned();
    void share_out(const Bounds& bounds);

    WriterLock lock_;  // outlives the database
    std::unique_ptr<Database> database_;
    FileWatch watch_;
    InternCache names_, argvs_, credentials_;
    /// Successive rows are mostly of the same user.
    std::optional<std::pair<model::Credentials, std::int64_t>> last_credentials_;
    bool interned_ = false;                 ///< in this transaction
    model::Id largest_id_ = 0;              ///< no process has a larger one
    std::map<std::int64_t, Range> blocks_;  ///< births of this transaction; at commit they widen the table's rows
    std::string buffer_;
    Horizon horizon_;
    Sweep sweep_;
    RecordWriter records_;
    std::int64_t forgotten_ = 0;     ///< processes since the last sweep
    std::int64_t bytes_shared_ = 0;  ///< Bounds::bytes_max, as it was shared out last

    Statement insert_process_, update_process_, delete_process_, insert_image_, delete_images_;
    Statement insert_attempt_, delete_attempts_, insert_sender_, delete_sender_;
    Statement insert_name_, insert_argv_, insert_credentials_, widen_block_;
};

}  // namespace lineage::store
