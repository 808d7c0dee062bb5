// Deleting names, argument vectors and credentials that nobody refers to any more, in small steps between other
// transactions: all rows are looked at once, what they refer to is remembered, then the rest goes.
//
// What the writer hands out meanwhile it must report (use()), and from deleting() on it must hand out no number that
// it knew before, until the sweep is over: such a text gets a new number.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "sqlite.hpp"

namespace lineage::store {

enum class Interned : std::uint8_t { name, argv, credentials };

class Sweep {
public:
    explicit Sweep(Database& database) : database_(database) {}

    void begin();
    [[nodiscard]] bool running() const { return stage_ != Stage::none; }
    [[nodiscard]] bool deleting() const { return stage_ == Stage::deleting; }
    void use(Interned kind, std::int64_t number);
    /// Looks at some rows, or deletes some; within a transaction.
    void step();

private:
    enum class Stage : std::uint8_t { none, processes, images, attempts, deleting };
    static constexpr int kinds = 3;
    void look_at_processes();
    void look_at_images();
    void look_at_attempts();
    void delete_some();
    void use_if_any(Interned kind, const Statement& row, int column);
    void move_on(Stage next);

    Database& database_;
    Stage stage_ = Stage::none;
    std::int64_t at_ = 0;                       ///< the last row that was looked at, or deleted: its id or owner
    std::int64_t seq_ = 0;                      ///< and seq
    int kind_ = 0;                              ///< that is being deleted
    std::array<std::int64_t, kinds> newest_{};  ///< when it began; what came later stays
    std::array<std::vector<bool>, kinds> used_;
};

}  // namespace lineage::store
