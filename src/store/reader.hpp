// The SQLite Reader: a read-only connection whose every answer comes from one state of the database.
#pragma once

#include "ancestry.hpp"
#include "lineage/store/store.hpp"
#include "matcher.hpp"
#include "names.hpp"
#include "records.hpp"
#include "rows.hpp"
#include "sqlite.hpp"

namespace lineage::store {

class SqliteReader final : public Reader {
public:
    /// `database` is open and of the newest schema.
    explicit SqliteReader(std::unique_ptr<Database> database);

    base::Result<std::optional<model::Node>> by_id(model::Id id) override;
    base::Result<std::optional<model::Node>> by_pid(model::Pid pid, model::TimeNs at_ns, model::BootId boot) override;
    base::Status lives(model::Pid pid, model::TimeNs until_ns,
                       const std::function<bool(const model::Process&)>& take) override;
    base::Result<std::int64_t> version() override;
    base::Result<std::vector<model::Node>> by_event(model::TimeNs time_ns, std::int64_t serial,
                                                    const std::vector<model::BootId>& boots) override;
    base::Result<std::vector<model::KeptEvent>> records(model::Id owner, model::TimeNs until_ns) override;
    base::Result<std::vector<EventOfBoot>> kept_at(model::TimeNs time_ns, std::int64_t serial) override;
    base::Result<std::vector<model::Node>> ancestors(model::Id id) override;
    base::Status select(const model::Filter& filter, const std::function<bool(model::Node&&)>& take) override;
    base::Result<std::int64_t> serial_by(model::BootId boot, model::TimeNs time_ns) override;
    base::Result<std::vector<model::Boot>> boots() override;
    base::Result<std::vector<model::BootExtent>> boot_extents() override;
    base::Result<std::vector<model::Gap>> gaps(model::BootId boot) override;
    base::Result<std::vector<model::Tamper>> tampering(model::BootId boot) override;
    base::Result<std::map<std::string, std::string>> facts() override;
    base::Result<Sizes> sizes() override;

    /// All reads while one of these lives see one state of the database. They nest: select()'s caller may ask more.
    class Snapshot {
    public:
        explicit Snapshot(SqliteReader& reader);
        ~Snapshot();
        Snapshot(const Snapshot&) = delete;
        Snapshot& operator=(const Snapshot&) = delete;

    private:
        SqliteReader& reader_;
    };
    /// The process with all that belongs to it, if it fits what is not in the columns of its row.
    std::optional<model::Node> matching(ProcessRow&& process, const Matcher& matcher, Ancestry& ancestry);
    [[nodiscard]] Database& database() { return *database_; }

private:
    /// `result`, or the failure if one happened on the way to it.
    template <class Value>
    base::Result<Value> answer(Value result) {
        if (auto status = database_->take_failure(); !status) return tl::unexpected(status.error());
        return result;
    }
    std::optional<ProcessRow> find_process(model::Id id);
    std::vector<ImageRow> images_of(model::Id owner);
    /// The image that `process` runs, where it is another's.
    std::optional<ImageRow> inherited(const model::Process& process);
    /// When something happened to a process.
    struct Fact {
        model::Id process = 0;
        model::TimeNs time_ns = 0;
    };
    void add_short_lived_of_event(model::TimeNs time_ns, std::int64_t serial, std::vector<Fact>& facts);
    void add_long_lived_of_event(model::TimeNs time_ns, std::int64_t serial, std::vector<Fact>& facts);
    model::Node node(ProcessRow&& row, const std::vector<ImageRow>& images, const ImageRow* current);
    model::Node node(ProcessRow&& row);
    model::Image image(const ImageRow& row);
    std::vector<model::Attempt> attempts_of(model::Id owner);
    model::Id sender_of(model::Id process);
    std::string boot_name(model::BootId boot);

    std::unique_ptr<Database> database_;
    Names names_;
    RecordReader records_;
    int snapshots_ = 0;
    std::optional<std::pair<model::BootId, std::string>> known_boot_;
    Statement process_by_id_, processes_by_pid_, images_by_owner_, image_by_key_, boot_by_id_;
    Statement attempts_by_owner_, sender_by_process_, data_version_;
};

/// The image among `images` that `process` runs, or nullptr.
const ImageRow* own_current(const model::Process& process, const std::vector<ImageRow>& images);

}  // namespace lineage::store
