#include "lineage/store/remains.hpp"

#include <map>
#include <optional>

#include "names.hpp"
#include "records.hpp"
#include "rows.hpp"
#include "schema.hpp"
#include "sqlite.hpp"
#include "writer_lock.hpp"

namespace lineage::store {
namespace {

constexpr std::int64_t id_max = 1LL << 48;  // more than any recorder gives out
constexpr model::Pid pid_max = 1 << 22;     // PID_MAX_LIMIT, include/linux/threads.h
constexpr std::size_t rows_at_once = 1000;

bool can_be_true(const model::Process& process) {
    return process.id > 0 && process.id < id_max && process.parent >= 0 && process.parent < id_max &&
           process.parent != process.id && process.boot > 0 && process.pid >= 0 && process.pid <= pid_max &&
           process.born.time_ns >= 0 && process.born.time_ns <= model::time_ns_max;
}

struct RecordRow {
    model::Id id = 0;
    model::Id owner = 0;
    std::int64_t kind = 0;
    model::KeptEvent event;  ///< but for its kind
    std::string bytes;
};

RecordRow read_record(const Statement& row) {
    return {row.integer(0), row.integer(1), row.integer(4), {row.integer(2), row.integer(3), {}, {}, {}}, row.text(5)};
}

/// The dictionary is a part of the format: the schema's is as good as the damaged file's.
RecordText record_text() {
    Database empty(":memory:", ":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY);
    (void)migrate(empty, migrations());
    return record_text_of(empty);
}

}  // namespace

struct Remains::State {
    explicit State(const std::string& path)
        : database(path, uri_of(path, has_no_log(path) ? "?immutable=1" : "?vfs=unix-none"),
                   SQLITE_OPEN_READONLY | SQLITE_OPEN_URI) {
        // Whoever reads a log has its index in a file beside it, but for who has it alone.
        database.execute("PRAGMA locking_mode = EXCLUSIVE");
        // Of a file that is shorter than its header says nothing is read, but by who may write the schema
        // (lockBtree() in SQLite's btree.c); nor of one of whose tables one cannot be understood.
        database.execute("PRAGMA writable_schema = ON");
    }

    Database database;
    Names names{database};
    Statement images{database, "SELECT " + std::string(image_columns) + " FROM image WHERE owner=?1 ORDER BY seq"};
    Statement attempts{database,
                       "SELECT " + std::string(attempt_columns) + " FROM attempt WHERE owner=?1 ORDER BY seq"};
    Statement sender{database, "SELECT by FROM sender WHERE process=?1"};
    std::int64_t holes = 0;

    /// Was all of it read since the last time? Forgets what went wrong: every row is a try of its own.
    bool well() { return database.take_failure().has_value(); }

    template <class Value>
    Value try_to(const std::function<Value()>& read) {
        auto value = read();
        well();
        return value;
    }
    std::string name(std::optional<std::int64_t> number) {
        return try_to<std::string>([&] { return names.name(number); });
    }
    model::Credentials credentials(std::int64_t number) {
        return try_to<model::Credentials>([&] { return names.credentials(number); });
    }

    /// The rows of a table by ascending id, past what cannot be read. `columns` begin with the id. Pages of different
    /// times show rows in the wrong place, again, or without end: each round begins behind the one before.
    template <class Row>
    void each(const std::string& table, const std::string& columns, Row (*read)(const Statement&),
              const std::function<void(Row&&)>& take) {
        Statement rows(database, "SELECT " + columns + " FROM " + table + " WHERE id>?1 ORDER BY id LIMIT ?2");
        Statement first(database, "SELECT id FROM " + table + " WHERE id>?1 ORDER BY id LIMIT 1");
        std::int64_t last = 0;
        for (;;) {
            std::map<std::int64_t, Row> batch;
            std::size_t count = 0;
            bool in_order = true;
            const auto begin = last;
            for (rows.start(begin, std::int64_t{rows_at_once}); rows.next(); ++count) {
                const auto id = rows.integer(0);
                in_order = in_order && id > last;
                last = id;
                if (id > begin) batch.try_emplace(id, read(rows));
            }
            rows.stop();
            const bool whole = well();
            const bool at_end = whole && count < rows_at_once;
            if (at_end || last <= begin) last = batch.empty() ? begin : batch.rbegin()->first;
            for (auto& [id, row] : batch)
                if (id <= last) take(std::move(row));  // the others come in their place
            if (!whole || !in_order) ++holes;
            if (at_end) return;
            if (whole && last > begin) continue;
            const auto behind = behind_hole(first, last);
            if (!behind) return;
            last = *behind;
        }
    }

    /// Where rows can be read again behind `last`, whose successor cannot: the smallest id that a search succeeds from,
    /// by doubling the distance and halving it again. nullopt: there are none.
    std::optional<std::int64_t> behind_hole(Statement& first, std::int64_t last) {
        const auto readable = [&](std::int64_t from) {
            const bool in_place = !first.start(from).next() || first.integer(0) > from;
            first.stop();
            return well() && in_place;
        };
        std::int64_t step = 1;
        while (last + step < id_max && !readable(last + step)) step *= 2;
        if (last + step >= id_max) return std::nullopt;
        std::int64_t bad = last + step / 2;
        std::int64_t good = last + step;
        while (good - bad > 1) {
            const auto middle = bad + (good - bad) / 2;
            (readable(middle) ? good : bad) = middle;
        }
        return good;
    }

    bool has_table(const char* name) {
        Statement table(database, "SELECT 1 FROM sqlite_schema WHERE name=?1");
        const bool found = table.start(std::string_view(name)).next();
        table.stop();
        return found;
    }

    model::Node complete(ProcessRow&& row) {
        model::Node node;
        node.process = std::move(row.process);
        node.process.credentials = credentials(row.credentials);
        node.process.comm = name(row.comm);
        std::vector<ImageRow> image_rows;
        for (images.start(node.process.id); images.next();) image_rows.push_back(read_image(images));
        well();
        for (const auto& one : image_rows) {
            auto& image = node.images.emplace_back(one.image);
            image.exe = name(one.exe);
            image.script = name(one.script);
            image.comm = name(one.comm);
            image.cwd = name(one.cwd);
            image.argv = try_to<std::vector<std::string>>([&] { return names.argv(one.argv); });
            image.credentials = credentials(one.credentials);
        }
        std::vector<AttemptRow> attempt_rows;
        for (attempts.start(node.process.id); attempts.next();) attempt_rows.push_back(read_attempt(attempts));
        well();
        for (auto& one : attempt_rows) {
            one.attempt.path = name(one.path);
            one.attempt.cwd = name(one.cwd);
            node.attempts.push_back(std::move(one.attempt));
        }
        if (node.process.ended && node.process.ended->signal && sender.start(node.process.id).next())
            node.process.ended->by = sender.integer(0);
        sender.stop();
        well();
        return node;
    }
};

base::Result<Remains> Remains::open(const std::string& path) {
    if (auto status = nobody_writes(path); !status) return tl::unexpected(status.error());
    auto state = std::make_unique<State>(path);
    Statement tables(state->database, "SELECT count(*) FROM sqlite_schema WHERE name IN ('process', 'boot')");
    const bool found = tables.start().next() && tables.integer(0) == 2;
    tables.stop();
    if (auto status = state->database.take_failure(); !status) return tl::unexpected(status.error());
    if (!found) return base::fail("database " + path, "holds no history, or has lost the page that says where");
    return Remains(std::move(state));
}

Remains::Remains(std::unique_ptr<State> state) : state_(std::move(state)) {}
Remains::Remains(Remains&&) noexcept = default;
Remains& Remains::operator=(Remains&&) noexcept = default;
Remains::~Remains() = default;

std::vector<model::Boot> Remains::boots() {
    std::vector<model::Boot> boots;
    Statement rows(state_->database, "SELECT id, name, host, started_ns, imported FROM boot ORDER BY id");
    for (rows.start(); rows.next();)
        boots.push_back({rows.integer(0), rows.text(1), rows.text(2), rows.integer(3), rows.integer(4) != 0});
    if (!state_->well()) ++state_->holes;
    return boots;
}

std::vector<model::Gap> Remains::gaps() {
    std::vector<model::Gap> gaps;
    Statement rows(state_->database, "SELECT id, boot, from_ns, to_ns, lost, witness, why FROM gap ORDER BY id");
    for (rows.start(); rows.next();)
        gaps.push_back({rows.integer(0), rows.integer(1), rows.integer(2), rows.integer(3), rows.optional(4),
                        static_cast<model::Witness>(rows.integer(5)), rows.text(6)});
    if (!state_->well()) ++state_->holes;
    return gaps;
}

std::vector<model::Tamper> Remains::tampering() {
    std::vector<model::Tamper> tampering;
    if (!state_->has_table("tamper")) return tampering;  // since version 3
    Statement rows(state_->database, "SELECT " + std::string(tamper_columns) + " FROM tamper ORDER BY id");
    for (rows.start(); rows.next();) tampering.push_back(read_tamper(rows));
    if (!state_->well()) ++state_->holes;
    return tampering;
}

void Remains::each_process(const std::function<void(model::Node&&)>& take) {
    state_->each<ProcessRow>("process", process_columns, read_process, [&](ProcessRow&& row) {
        if (can_be_true(row.process)) take(state_->complete(std::move(row)));
    });
}

void Remains::each_record(const std::function<void(model::Id, model::Id, model::KeptEvent&&)>& take) {
    if (!state_->has_table("record")) return;  // since version 5
    Statement kind(state_->database, "SELECT types, key FROM record_kind WHERE id=?1");
    auto unpacked = record_text();
    state_->each<RecordRow>("record", "id, owner, time_ns, serial, kind, bytes", read_record, [&](RecordRow&& row) {
        row.event.text = unpacked.unpack(row.bytes);
        if (row.id >= id_max || row.owner <= 0 || row.owner >= id_max || row.event.text.empty()) return;
        if (kind.start(row.kind).next()) {
            row.event.types = kind.text(0);
            row.event.key = kind.text(1);
        }
        kind.stop();
        state_->well();
        take(row.id, row.owner, std::move(row.event));
    });
}

std::int64_t Remains::holes() const {
    return state_->holes;
}

}  // namespace lineage::store
