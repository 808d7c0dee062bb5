#include "horizon.hpp"

#include <algorithm>
#include <iterator>

namespace lineage::store {
namespace {

constexpr model::TimeNs grace_ns = 60'000'000'000;
constexpr int block_bits = 10;
// Who is in class k has lived at most so long (schema/0001_initial.sql); class 5 has no bound.
constexpr model::TimeNs class_bounds_ns[] = {2'000'000'000, 32'000'000'000, 512'000'000'000, 8'192'000'000'000,
                                             131'072'000'000'000};
constexpr int unbounded_class = 5;
constexpr std::int64_t gaps_max = 20'000;  // about 1 MiB; of tampering likewise
constexpr std::int64_t tampering_max = 10'000;
constexpr std::int64_t rows_a_step = 5000;
const std::string is_stub = "(marks >> 18 & 1)";

std::int64_t one(Database& database, const char* sql) {
    Statement statement(database, sql);
    const bool found = statement.start().next();
    return found ? statement.integer(0) : 0;
}

}  // namespace

std::int64_t file_bytes(Database& database) {
    return one(database, "PRAGMA page_count") * one(database, "PRAGMA page_size");
}

std::int64_t bytes_used(Database& database) {
    return file_bytes(database) - one(database, "PRAGMA freelist_count") * one(database, "PRAGMA page_size");
}

Horizon::Horizon(Database& database)
    : database_(database),
      place_(database, "SELECT next_block, time_ns FROM horizon"),
      set_place_(database, "INSERT OR REPLACE INTO horizon VALUES (1,?1,?2)"),
      block_(database, "SELECT id, born_to_ns FROM block WHERE id>=?1 ORDER BY id LIMIT 1"),
      short_lived_(database,
                   "SELECT id FROM process WHERE id BETWEEN ?1 << 10 AND (?1 << 10) + 1023 AND life_class=0"
                   " AND NOT " +
                       is_stub),
      long_lived_(database,
                  "SELECT id FROM process WHERE life_class > 0 AND life_class=?1 AND born_ns BETWEEN ?2 AND ?3"
                  " AND born_ns + lived_ns <= ?3 AND NOT " +
                      is_stub),
      // Of a boot that is over nobody lives, whether or not an end was seen.
      left_behind_(database, "SELECT id FROM process WHERE life_class > 0 AND life_class=6 AND born_ns<=?1 AND NOT " +
                                 is_stub +
                                 " AND boot < (SELECT max(id) FROM boot WHERE started_ns<=?1 AND NOT imported)"),
      child_(database, "SELECT 1 FROM process WHERE parent=?1 LIMIT 1"),
      parent_(database, "SELECT parent, " + is_stub + ", boot FROM process WHERE id=?1"),
      make_stub_(database, "UPDATE process SET marks = marks | (1 << 18) WHERE id=?1"),
      strip_images_(database, "UPDATE image SET argv=NULL, cwd=NULL, script=NULL WHERE owner=?1"),
      delete_process_(database, "DELETE FROM process WHERE id=?1"),
      delete_images_(database, "DELETE FROM image WHERE owner=?1"),
      delete_attempts_(database, "DELETE FROM attempt WHERE owner=?1"),
      delete_sender_(database, "DELETE FROM sender WHERE process=?1"),
      delete_records_(database, "DELETE FROM record WHERE owner=?1"),
      delete_boot_(database, "DELETE FROM boot WHERE id=?1"),
      delete_block_(database,
                    "DELETE FROM block WHERE id=?1 AND NOT EXISTS"
                    " (SELECT 1 FROM process WHERE id BETWEEN ?1 << 10 AND (?1 << 10) + 1023)"),
      delete_gaps_(database, "DELETE FROM gap WHERE to_ns<?1"),
      delete_gaps_of_boot_(database, "DELETE FROM gap WHERE boot=?1"),
      delete_tampering_of_boot_(database, "DELETE FROM tamper WHERE boot=?1"),
      oldest_gap_(database, "SELECT min(id) FROM gap HAVING min(id) <= (SELECT max(id) FROM gap) - ?1"),
      oldest_tamper_(database, "SELECT min(id) FROM tamper HAVING min(id) <= (SELECT max(id) FROM tamper) - ?1"),
      delete_gaps_to_(database, "DELETE FROM gap WHERE id <= (SELECT min(max(id) - ?1, min(id) + ?2) FROM gap)"),
      delete_tampering_to_(database,
                           "DELETE FROM tamper WHERE id <= (SELECT min(max(id) - ?1, min(id) + ?2) FROM tamper)") {}

Horizon::Place Horizon::place() {
    Place place;
    if (place_.start().next()) place = {place_.integer(0), place_.integer(1)};
    place_.stop();
    return place;
}

std::optional<Horizon::Block> Horizon::next_block(std::int64_t from) {
    std::optional<Block> block;
    if (block_.start(from).next()) block = Block{block_.integer(0), block_.integer(1)};
    block_.stop();
    return block;
}

std::int64_t Horizon::first_id() {
    return place().next_block << block_bits;
}

bool Horizon::must_advance(const Bounds& bounds, model::TimeNs now_ns) {
    const bool too_large = bounds.bytes_max != 0 && bytes_used(database_) > bounds.bytes_max;
    if (!too_large && bounds.age_ns_max == 0) return false;
    const auto block = next_block(place().next_block);
    if (!block) return false;
    const auto end_ns = block->born_to_ns + class_bounds_ns[0];
    const bool too_old = bounds.age_ns_max != 0 && end_ns < now_ns - bounds.age_ns_max;
    return (too_large || too_old) && end_ns < now_ns - grace_ns;
}

std::int64_t Horizon::advance() {
    auto [number, horizon_ns] = place();
    const auto block = next_block(number);
    if (!block) return 0;
    const auto before_ns = horizon_ns;
    horizon_ns = std::max(horizon_ns, block->born_to_ns);
    chosen_.clear();
    collect(short_lived_.start(block->id));
    for (int life_class = 1; life_class <= unbounded_class; ++life_class) {
        const bool is_bounded = life_class < unbounded_class;
        const auto born_from_ns = is_bounded ? before_ns - class_bounds_ns[life_class] : 0;
        collect(long_lived_.start(life_class, born_from_ns, horizon_ns));
    }
    collect(left_behind_.start(horizon_ns));
    // Children mostly have the larger ids; gone first, they spare their parents the time as a stub.
    std::sort(chosen_.begin(), chosen_.end());
    for (auto id = chosen_.rbegin(); id != chosen_.rend(); ++id) forget(*id);
    delete_block_.start(block->id).run();
    delete_gaps_.start(horizon_ns).run();
    set_place_.start(block->id + 1, horizon_ns).run();
    return static_cast<std::int64_t>(chosen_.size());
}

bool Horizon::must_trim() {
    const bool gaps = oldest_gap_.start(gaps_max).next();
    oldest_gap_.stop();
    const bool tampering = oldest_tamper_.start(tampering_max).next();
    oldest_tamper_.stop();
    return gaps || tampering;
}

void Horizon::trim() {
    delete_gaps_to_.start(gaps_max, rows_a_step).run();
    delete_tampering_to_.start(tampering_max, rows_a_step).run();
}

void Horizon::collect(Statement& rows) {
    while (rows.next()) chosen_.push_back(rows.integer(0));
}

bool Horizon::has_children(model::Id id) {
    const bool found = child_.start(id).next();
    child_.stop();
    return found;
}

void Horizon::forget(model::Id id) {
    if (has_children(id)) {
        make_stub_.start(id).run();
        strip_images_.start(id).run();
        delete_attempts_.start(id).run();
        delete_sender_.start(id).run();
        delete_records_.start(id).run();
        return;
    }
    erase(id);
}

/// And the stubs above that were only there for it.
void Horizon::erase(model::Id id) {
    for (;;) {
        if (!parent_.start(id).next()) return;
        const model::Id parent = parent_.integer(0);
        const auto boot = parent_.integer(2);
        parent_.stop();
        for (Statement* statement :
             {&delete_images_, &delete_attempts_, &delete_sender_, &delete_records_, &delete_process_})
            statement->start(id).run();
        delete_block_.start(id >> block_bits).run();
        if (parent == 0) {
            for (Statement* statement : {&delete_gaps_of_boot_, &delete_tampering_of_boot_, &delete_boot_})
                statement->start(boot).run();
            return;
        }
        const bool is_there = parent_.start(parent).next();
        const bool parent_is_stub = is_there && parent_.integer(1) != 0;
        parent_.stop();
        if (!parent_is_stub || has_children(parent)) return;
        id = parent;
    }
}

}  // namespace lineage::store
