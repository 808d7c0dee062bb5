// Decides whether a process matches the parts of a Filter that are about texts and users. Each part is first turned
// into the set of numbers that match it, one bit a row of its table, so that a process is decided by its numbers.
#pragma once

#include <optional>
#include <vector>

#include "lineage/model/forest.hpp"
#include "rows.hpp"
#include "sqlite.hpp"

namespace lineage::store {

class Matcher {
public:
    /// Reads the tables of texts and credentials once, as far as `filter` asks for it.
    Matcher(Database& database, const model::Filter& filter);

    /// `images` are the process's own, `current` the one it runs, where one is known.
    [[nodiscard]] bool matches(const ProcessRow& process, const std::vector<ImageRow>& images,
                               const ImageRow* current) const;

private:
    using Numbers = std::vector<bool>;
    static bool has(const std::optional<Numbers>& wanted, std::optional<std::int64_t> number);

    std::optional<Numbers> exe_, comm_, argv_, uid_, auid_;
};

}  // namespace lineage::store
