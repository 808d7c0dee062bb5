#include "reader.hpp"

#include <algorithm>
#include <unordered_set>

namespace lineage::store {
namespace {

std::string select_from(const char* columns, const char* rest) {
    return "SELECT " + std::string(columns) + " " + rest;
}

}  // namespace

const ImageRow* own_current(const model::Process& process, const std::vector<ImageRow>& images) {
    if (process.image_owner != process.id) return nullptr;
    const auto found = std::find_if(images.begin(), images.end(),
                                    [&](const ImageRow& row) { return row.image.seq == process.image_seq; });
    return found == images.end() ? nullptr : &*found;
}

SqliteReader::SqliteReader(std::unique_ptr<Database> database)
    : database_(std::move(database)),
      names_(*database_),
      records_(*database_),
      process_by_id_(*database_, select_from(process_columns, "FROM process WHERE id=?1")),
      processes_by_pid_(
          *database_,
          select_from(process_columns, "FROM process WHERE pid=?1 AND born_ns<=?2 ORDER BY born_ns DESC, id DESC")),
      images_by_owner_(*database_, select_from(image_columns, "FROM image WHERE owner=?1 ORDER BY seq")),
      image_by_key_(*database_, select_from(image_columns, "FROM image WHERE owner=?1 AND seq=?2")),
      boot_by_id_(*database_, "SELECT name FROM boot WHERE id=?1"),
      attempts_by_owner_(*database_, select_from(attempt_columns, "FROM attempt WHERE owner=?1 ORDER BY seq")),
      sender_by_process_(*database_, "SELECT by FROM sender WHERE process=?1"),
      data_version_(*database_, "PRAGMA data_version") {}

SqliteReader::Snapshot::Snapshot(SqliteReader& reader) : reader_(reader) {
    if (reader_.snapshots_++ > 0) return;
    reader_.known_boot_.reset();  // a boot may have been dropped meanwhile
    reader_.database_->execute("BEGIN");
}

SqliteReader::Snapshot::~Snapshot() {
    if (--reader_.snapshots_ == 0) reader_.database_->attempt("ROLLBACK");
}

void put_in_order(std::vector<model::Boot>& boots) {
    std::sort(boots.begin(), boots.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    // A boot began after the one before it on its host.
    std::map<std::string, model::TimeNs> latest;
    std::map<model::BootId, model::TimeNs> began;
    for (const auto& boot : boots) {
        auto& latest_ns = latest.try_emplace(boot.host, boot.started_ns).first->second;
        began[boot.id] = latest_ns = std::max(latest_ns, boot.started_ns);
    }
    std::stable_sort(boots.begin(), boots.end(),
                     [&](const auto& a, const auto& b) { return began.at(a.id) < began.at(b.id); });
}

base::Result<std::optional<model::Node>> SqliteReader::by_id(model::Id id) {
    const Snapshot snapshot(*this);
    std::optional<model::Node> found;
    if (auto row = find_process(id)) found = node(std::move(*row));
    return answer(std::move(found));
}

base::Result<std::optional<model::Node>> SqliteReader::by_pid(model::Pid pid, model::TimeNs at_ns, model::BootId boot) {
    const Snapshot snapshot(*this);
    std::optional<ProcessRow> latest;
    for (processes_by_pid_.start(pid, at_ns); !latest && processes_by_pid_.next();) {
        auto row = read_process(processes_by_pid_);
        if (boot == 0 || row.process.boot == boot) latest = std::move(row);
    }
    processes_by_pid_.stop();
    std::optional<model::Node> found;
    if (latest) found = node(std::move(*latest));
    return answer(std::move(found));
}

base::Status SqliteReader::lives(model::Pid pid, model::TimeNs until_ns,
                                 const std::function<bool(const model::Process&)>& take) {
    const Snapshot snapshot(*this);
    for (processes_by_pid_.start(pid, until_ns); processes_by_pid_.next();) {
        if (!take(read_process(processes_by_pid_).process)) break;
    }
    processes_by_pid_.stop();
    return database_->take_failure();
}

base::Result<std::int64_t> SqliteReader::version() {
    const auto version = data_version_.start().next() ? data_version_.integer(0) : 0;
    data_version_.stop();
    return answer(version);
}

base::Result<std::vector<model::KeptEvent>> SqliteReader::records(model::Id owner, model::TimeNs until_ns) {
    const Snapshot snapshot(*this);
    return answer(records_.of(owner, until_ns));
}

base::Result<std::vector<model::Node>> SqliteReader::ancestors(model::Id id) {
    const Snapshot snapshot(*this);
    std::vector<model::Node> path;
    std::unordered_set<model::Id> seen{id};
    auto below = find_process(id);
    while (below && below->process.parent != 0) {
        const auto parent = below->process.parent;
        if (!seen.insert(parent).second) {
            return base::fail("database " + database_->path(),
                              "damaged: process @" + std::to_string(parent) + " is its own ancestor");
        }
        below = find_process(parent);
        if (below) path.push_back(node(ProcessRow(*below)));
    }
    return answer(std::move(path));
}

base::Result<std::int64_t> SqliteReader::serial_by(model::BootId boot, model::TimeNs time_ns) {
    const Snapshot snapshot(*this);
    // Ids follow time: the last block that has anything of the boot by then.
    Statement blocks(*database_, "SELECT id FROM block WHERE born_from_ns <= ?1 ORDER BY id DESC");
    Statement count(
        *database_,
        "SELECT max(serial) FROM (SELECT born_serial AS serial FROM process WHERE id BETWEEN ?1 << 10 AND"
        " (?1 << 10) + 1023 AND boot = ?2 AND born_ns <= ?3 UNION ALL SELECT serial FROM image JOIN process"
        " ON id = owner WHERE owner BETWEEN ?1 << 10 AND (?1 << 10) + 1023 AND boot = ?2 AND time_ns <= ?3)");
    std::optional<std::int64_t> serial;
    for (blocks.start(time_ns); !serial && blocks.next();) {
        if (count.start(blocks.integer(0), boot, time_ns).next()) serial = count.optional(0);
    }
    return answer(serial.value_or(0));
}

base::Result<std::vector<model::Boot>> SqliteReader::boots() {
    std::vector<model::Boot> boots;
    Statement rows(*database_, "SELECT id, name, host, started_ns, imported FROM boot ORDER BY id");
    for (rows.start(); rows.next();) {
        boots.push_back({rows.integer(0), rows.text(1), rows.text(2), rows.integer(3), rows.integer(4) != 0});
    }
    return answer(std::move(boots));
}

base::Result<std::vector<model::BootExtent>> SqliteReader::boot_extents() {
    const Snapshot snapshot(*this);
    auto all = boots();
    if (!all) return tl::unexpected(all.error());
    std::map<model::BootId, model::BootExtent> extents;
    for (const auto& boot : *all) {
        auto& extent = extents[boot.id];
        extent.last_seen_ns = boot.started_ns;
        extent.boot = boot;
    }
    // Counted here and not by GROUP BY, which would sort all of the table. The last columns are who saw the birth
    // (audit or the connector) and who saw the end; see `marks` in schema/0001_initial.sql.
    Statement rows(*database_,
                   "SELECT boot, pid, born_ns, born_ns + lived_ns, marks & 0x30, marks & 0xf00 FROM process");
    for (rows.start(); rows.next();) {
        const auto found = extents.find(rows.integer(0));
        if (found == extents.end()) continue;
        auto& extent = found->second;
        const auto born_ns = rows.integer(2);
        const auto ended_ns = rows.optional(3);
        ++extent.processes;
        extent.last_seen_ns = std::max(extent.last_seen_ns, born_ns);
        if (rows.integer(4) != 0)
            extent.recorded_from_ns = std::min(extent.recorded_from_ns.value_or(born_ns), born_ns);
        if (ended_ns && rows.integer(5) != 0) extent.last_seen_ns = std::max(extent.last_seen_ns, *ended_ns);
        if (ended_ns && rows.integer(1) == 0) extent.over = true;
    }
    put_in_order(*all);
    std::vector<model::BootExtent> in_order;
    for (const auto& boot : *all) in_order.push_back(std::move(extents.at(boot.id)));
    return answer(std::move(in_order));
}

base::Result<std::vector<model::Gap>> SqliteReader::gaps(model::BootId boot) {
    std::vector<model::Gap> gaps;
    Statement rows(*database_,
                   "SELECT id, boot, from_ns, to_ns, lost, witness, why FROM gap WHERE ?1 IN (0, boot) ORDER BY id");
    for (rows.start(boot); rows.next();) {
        gaps.push_back({rows.integer(0), rows.integer(1), rows.integer(2), rows.integer(3), rows.optional(4),
                        static_cast<model::Witness>(rows.integer(5)), rows.text(6)});
    }
    return answer(std::move(gaps));
}

base::Result<std::vector<model::Tamper>> SqliteReader::tampering(model::BootId boot) {
    std::vector<model::Tamper> tampering;
    Statement rows(*database_,
                   "SELECT " + std::string(tamper_columns) + " FROM tamper WHERE ?1 IN (0, boot) ORDER BY id");
    for (rows.start(boot); rows.next();) tampering.push_back(read_tamper(rows));
    return answer(std::move(tampering));
}

base::Result<std::map<std::string, std::string>> SqliteReader::facts() {
    std::map<std::string, std::string> facts;
    Statement rows(*database_, "SELECT name, value FROM fact");
    for (rows.start(); rows.next();) facts.emplace(rows.text(0), rows.text(1));
    return answer(std::move(facts));
}

base::Result<Reader::Sizes> SqliteReader::sizes() {
    const Snapshot snapshot(*this);
    Sizes sizes;
    const auto one = [&](const char* sql) {
        Statement statement(*database_, sql);
        return statement.start().next() ? statement.optional(0) : std::nullopt;
    };
    sizes.bytes = one("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").value_or(0);
    sizes.processes = one("SELECT count(*) FROM process").value_or(0);
    sizes.alive = one("SELECT count(*) FROM process WHERE life_class > 0 AND life_class = 6").value_or(0);
    sizes.images = one("SELECT count(*) FROM image").value_or(0);
    sizes.schema_version = static_cast<int>(one("PRAGMA user_version").value_or(0));
    sizes.oldest_ns = one("SELECT min(born_from_ns) FROM block");
    sizes.newest_ns = one("SELECT max(born_to_ns) FROM block");
    return answer(sizes);
}

std::optional<ProcessRow> SqliteReader::find_process(model::Id id) {
    if (!process_by_id_.start(id).next()) return std::nullopt;
    auto row = read_process(process_by_id_);
    process_by_id_.stop();
    return row;
}

std::vector<ImageRow> SqliteReader::images_of(model::Id owner) {
    std::vector<ImageRow> images;
    for (images_by_owner_.start(owner); images_by_owner_.next();) images.push_back(read_image(images_by_owner_));
    return images;
}

std::optional<ImageRow> SqliteReader::inherited(const model::Process& process) {
    if (process.image_owner == process.id || process.image_owner == 0) return std::nullopt;
    if (!image_by_key_.start(process.image_owner, process.image_seq).next()) return std::nullopt;
    auto row = read_image(image_by_key_);
    image_by_key_.stop();
    return row;
}

model::Node SqliteReader::node(ProcessRow&& row) {
    const auto images = images_of(row.process.id);
    const auto from_ancestor = inherited(row.process);
    const auto* current = from_ancestor ? &*from_ancestor : own_current(row.process, images);
    return node(std::move(row), images, current);
}

model::Node SqliteReader::node(ProcessRow&& row, const std::vector<ImageRow>& images, const ImageRow* current) {
    model::Node node;
    node.process = std::move(row.process);
    node.process.credentials = names_.credentials(row.credentials);
    node.process.comm = names_.name(row.comm);
    node.boot = boot_name(node.process.boot);
    node.images.reserve(images.size());
    for (const auto& each : images) node.images.push_back(image(each));
    node.attempts = attempts_of(node.process.id);
    if (node.process.ended && node.process.ended->signal) node.process.ended->by = sender_of(node.process.id);
    if (current != nullptr) node.current = image(*current);
    return node;
}

model::Image SqliteReader::image(const ImageRow& row) {
    auto image = row.image;
    image.exe = names_.name(row.exe);
    image.script = names_.name(row.script);
    image.comm = names_.name(row.comm);
    image.cwd = names_.name(row.cwd);
    image.argv = names_.argv(row.argv);
    image.credentials = names_.credentials(row.credentials);
    return image;
}

std::vector<model::Attempt> SqliteReader::attempts_of(model::Id owner) {
    std::vector<model::Attempt> attempts;
    for (attempts_by_owner_.start(owner); attempts_by_owner_.next();) {
        auto row = read_attempt(attempts_by_owner_);
        row.attempt.path = names_.name(row.path);
        row.attempt.cwd = names_.name(row.cwd);
        attempts.push_back(std::move(row.attempt));
    }
    return attempts;
}

model::Id SqliteReader::sender_of(model::Id process) {
    const bool is_known = sender_by_process_.start(process).next();
    const model::Id by = is_known ? sender_by_process_.integer(0) : 0;
    sender_by_process_.stop();
    return by;
}

std::string SqliteReader::boot_name(model::BootId boot) {
    if (known_boot_ && known_boot_->first == boot) return known_boot_->second;
    std::string name;
    if (boot_by_id_.start(boot).next()) name = boot_by_id_.text(0);
    boot_by_id_.stop();
    known_boot_.emplace(boot, name);
    return name;
}

}  // namespace lineage::store
