// Decides whether a process matches the parts of a Filter that are about texts and users. Each part is first turned
// into the set of numbers that match it, one bit a row of its table, so that a process is decided by its numbers.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lineage/model/forest.hpp"
#include "rows.hpp"
#include "sqlite.hpp"

namespace lineage::store {

class Matcher {
public:
    /// Reads the tables of texts and credentials once, as far as `filter` asks for it.
    Matcher(Database& database, const model::Filter& filter);
    /// Reads what has come into them since.
    void refresh();

    /// `images` are the process's own, `current` the one it runs, where one is known.
    [[nodiscard]] bool matches(const ProcessRow& process, const std::vector<ImageRow>& images,
                               const ImageRow* current) const;
    /// Is it about images at all?
    [[nodiscard]] bool looks_at_images() const;
    /// Does an ancestor with such an image fit Filter::ancestor_glob?
    [[nodiscard]] bool is_ancestors(std::optional<std::int64_t> exe, std::optional<std::int64_t> script) const;

private:
    /// The rows (id, value) of one table whose value is wanted. Their numbers ascend and are given out once, so what is
    /// new stands behind the last one read.
    class Numbers {
    public:
        using Wanted = std::function<bool(const Statement& row)>;
        Numbers(Database& database, const char* columns, const char* table, Wanted wanted);
        void refresh();
        [[nodiscard]] bool has(std::optional<std::int64_t> number) const;

    private:
        Database& database_;
        std::string sql_;
        Wanted wanted_;
        std::int64_t last_ = 0;
        std::vector<bool> numbers_;
    };
    static bool has(const std::optional<Numbers>& wanted, std::optional<std::int64_t> number) {
        return wanted->has(number);
    }

    std::optional<Numbers> exe_, comm_, argv_, uid_, auid_, ancestor_;
};

}  // namespace lineage::store
