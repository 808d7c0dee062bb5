#include "lineage/store/remains.hpp"

#include <optional>

#include "names.hpp"
#include "rows.hpp"
#include "sqlite.hpp"

namespace lineage::store {
namespace {

constexpr std::int64_t id_max = 1LL << 48;  // more than any recorder gives out
constexpr model::Pid pid_max = 1 << 22;     // PID_MAX_LIMIT, include/linux/threads.h
constexpr int rows_at_once = 1000;

bool can_be_true(const model::Process& process) {
    return process.id > 0 && process.id < id_max && process.parent >= 0 && process.parent < id_max &&
           process.parent != process.id && process.boot > 0 && process.pid >= 0 && process.pid <= pid_max &&
           process.born.time_ns >= 0 && process.born.time_ns <= model::time_ns_max;
}

}  // namespace

struct Remains::State {
    explicit State(const std::string& path) : database(path, path, SQLITE_OPEN_READWRITE) {}

    Database database;
    Names names{database};
    Statement rows{database,
                   "SELECT " + std::string(process_columns) + " FROM process WHERE id>?1 ORDER BY id LIMIT ?2"};
    Statement first{database, "SELECT id FROM process WHERE id>?1 ORDER BY id LIMIT 1"};
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

    /// Where rows can be read again behind `last`, whose successor cannot: the smallest id that a search succeeds from,
    /// by doubling the distance and halving it again. nullopt: there are none.
    std::optional<std::int64_t> behind_hole(std::int64_t last) {
        const auto readable = [&](std::int64_t from) {
            first.start(from).next();
            first.stop();
            return well();
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
    auto state = std::make_unique<State>(path);
    Statement tables(state->database, "SELECT count(*) FROM sqlite_schema WHERE name IN ('process', 'boot')");
    const bool found = tables.start().next() && tables.integer(0) == 2;
    tables.stop();
    if (auto status = state->database.take_failure(); !status) return tl::unexpected(status.error());
    if (!found) return base::fail("database " + path, "holds no history");
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
    Statement table(state_->database, "SELECT 1 FROM sqlite_schema WHERE name='tamper'");  // since version 3
    if (!table.start().next()) return tampering;
    table.stop();
    Statement rows(state_->database, "SELECT " + std::string(tamper_columns) + " FROM tamper ORDER BY id");
    for (rows.start(); rows.next();) tampering.push_back(read_tamper(rows));
    if (!state_->well()) ++state_->holes;
    return tampering;
}

void Remains::each_process(const std::function<void(model::Node&&)>& take) {
    State& state = *state_;
    std::int64_t last = 0;
    for (;;) {
        std::vector<ProcessRow> batch;
        for (state.rows.start(last, rows_at_once); state.rows.next();) {
            last = state.rows.integer(0);
            batch.push_back(read_process(state.rows));
        }
        state.rows.stop();
        const bool whole = state.well();
        for (auto& row : batch)
            if (can_be_true(row.process)) take(state.complete(std::move(row)));
        if (whole && batch.size() < rows_at_once) return;
        if (whole) continue;
        ++state.holes;
        const auto behind = state.behind_hole(last);
        if (!behind) return;
        last = *behind;
    }
}

std::int64_t Remains::holes() const {
    return state_->holes;
}

}  // namespace lineage::store
