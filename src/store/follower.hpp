// The SQLite Follower. Only the alive, what is newer than the last look, and who died a moment ago are looked at: of
// the others nothing more becomes known. SQLite's data_version tells whether there is anything new, inotify(7) on its
// log when to ask; neither costs the writer more than a wake-up.
#pragma once

#include <sys/stat.h>

#include <deque>
#include <unordered_set>

#include "ancestry.hpp"
#include "conditions.hpp"
#include "lineage/base/unique_fd.hpp"
#include "reader.hpp"

namespace lineage::store {

class SqliteFollower final : public Follower {
public:
    SqliteFollower(std::unique_ptr<SqliteReader> reader, std::string path, const struct stat& file,
                   const model::Filter& filter);

    base::Result<std::vector<model::Node>> look() override;
    [[nodiscard]] int signal_fd() const override { return inotify_.get(); }
    [[nodiscard]] bool replaced() const override;

private:
    /// Whoever may have come to match since the last look.
    std::vector<model::Id> candidates();
    [[nodiscard]] static Query row_query(const model::Filter& filter);

    std::unique_ptr<SqliteReader> reader_;
    std::string path_;
    dev_t device_;
    ino_t inode_;
    base::UniqueFd inotify_;
    Matcher matcher_;
    Ancestry ancestry_;
    Query row_query_;
    Statement row_, alive_rows_, new_rows_;
    std::int64_t version_ = -1;
    model::Id last_id_ = 0;
    std::unordered_set<model::Id> alive_;  ///< at the last look
    std::unordered_set<model::Id> told_;   ///< of those who may be looked at again
    std::deque<model::Id> dead_;           ///< lately; the witness who knows most of them may be the last to speak
    bool first_ = true;
};

}  // namespace lineage::store
