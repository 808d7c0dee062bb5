// Forgetting: whoever ended before the horizon goes, the oldest first, a block of ids at a time; see
// schema/0004_bounds.sql for what is left of those who have descendants.
//
// The short-lived (life_class 0) of a block go when the horizon passes it; those who lived longer are found by their
// class's index, in the range of births that such a life can have had. So a step costs the same however large the
// history is.
#pragma once

#include <cstdint>
#include <optional>

#include "lineage/store/store.hpp"
#include "sqlite.hpp"

namespace lineage::store {

class Horizon {
public:
    explicit Horizon(Database& database);

    /// Is there a block that `bounds` do not allow to be kept? Nobody who ended within the last minute is forgotten:
    /// the tracker may still have to say something about them.
    bool must_advance(const Bounds& bounds, model::TimeNs now_ns);
    /// Passes the next block; within a transaction. Returns how many processes went or became stubs.
    std::int64_t advance();
    /// Gaps go when the horizon passes them, tampering with its boot; but who makes many of either fills no disk: of
    /// each the newest are kept. True: there are more.
    bool must_trim();
    void trim();
    /// Ids that are behind it, about.
    [[nodiscard]] std::int64_t first_id();

private:
    struct Place {
        std::int64_t next_block = 0;
        model::TimeNs time_ns = 0;
    };
    struct Block {
        std::int64_t id = 0;
        model::TimeNs born_to_ns = 0;
    };
    Place place();
    std::optional<Block> next_block(std::int64_t from);
    void collect(Statement& rows);
    void forget(model::Id id);
    void erase(model::Id id);
    bool has_children(model::Id id);

    Database& database_;
    std::vector<model::Id> chosen_;  ///< of this step
    Statement place_, set_place_, block_, short_lived_, long_lived_, left_behind_;
    Statement child_, parent_, make_stub_, strip_images_, delete_process_, delete_images_, delete_attempts_,
        delete_sender_, delete_records_, delete_boot_, delete_block_, delete_gaps_;
    Statement delete_gaps_of_boot_, delete_tampering_of_boot_;
    Statement oldest_gap_, oldest_tamper_, delete_gaps_to_, delete_tampering_to_;
};

/// The database's file, and what of it is not free pages.
std::int64_t file_bytes(Database& database);
std::int64_t bytes_used(Database& database);

}  // namespace lineage::store
