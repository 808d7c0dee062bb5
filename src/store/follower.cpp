#include "follower.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>

namespace lineage::store {
namespace {

constexpr std::size_t dead_max = 2000;  // looked at again at each look: some 5 ms

void empty(int fd) {
    char events[4096];
    while (fd >= 0 && ::read(fd, events, sizeof events) > 0) {
    }
}

}  // namespace

SqliteFollower::SqliteFollower(std::unique_ptr<SqliteReader> reader, std::string path, const struct stat& file,
                               const model::Filter& filter)
    : reader_(std::move(reader)),
      path_(std::move(path)),
      device_(file.st_dev),
      inode_(file.st_ino),
      inotify_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)),
      matcher_(reader_->database(), filter),
      ancestry_(reader_->database(), matcher_, filter, true),
      row_query_(row_query(filter)),
      row_(reader_->database(), row_query_.sql),
      alive_rows_(reader_->database(), "SELECT id FROM process WHERE life_class > 0 AND life_class = 6 ORDER BY id"),
      new_rows_(reader_->database(), "SELECT id FROM process WHERE id > ?1 ORDER BY id") {
    if (inotify_ && ::inotify_add_watch(inotify_.get(), (path_ + "-wal").c_str(), IN_MODIFY) < 0) inotify_.reset();
}

Query SqliteFollower::row_query(const model::Filter& filter) {
    Query query;
    query.sql = "SELECT " + std::string(process_columns) + " FROM process WHERE true";
    query.require_columns(filter);
    query.require_records(filter, Query::Rows::one);
    query.require("id = ?", {0});
    return query;
}

bool SqliteFollower::replaced() const {
    struct stat now {};
    return ::stat(path_.c_str(), &now) != 0 || now.st_dev != device_ || now.st_ino != inode_;
}

base::Result<std::vector<model::Node>> SqliteFollower::look() {
    empty(inotify_.get());
    const auto version = reader_->version();
    if (!version) return tl::unexpected(version.error());
    std::vector<model::Node> matches;
    if (*version == version_) return matches;
    version_ = *version;
    const SqliteReader::Snapshot snapshot(*reader_);
    matcher_.refresh();
    ancestry_.forget();
    for (const auto id : candidates()) {
        if (told_.count(id) != 0) continue;
        row_query_.values.back() = id;
        if (!row_.start(row_query_.values).next()) continue;
        auto process = read_process(row_);
        row_.stop();
        auto match = reader_->matching(std::move(process), matcher_, ancestry_);
        if (!match) continue;
        told_.insert(id);
        if (!first_) matches.push_back(std::move(*match));
    }
    first_ = false;
    for (; dead_.size() > dead_max; dead_.pop_front()) told_.erase(dead_.front());
    if (auto status = reader_->database().take_failure(); !status) return tl::unexpected(status.error());
    return matches;
}

std::vector<model::Id> SqliteFollower::candidates() {
    std::vector<model::Id> ids;
    std::unordered_set<model::Id> alive;
    for (alive_rows_.start(); alive_rows_.next();) {
        ids.push_back(alive_rows_.integer(0));
        alive.insert(ids.back());
    }
    for (const auto id : alive_)
        if (alive.count(id) == 0) dead_.push_back(id);
    if (first_) {
        Statement newest(reader_->database(), "SELECT max(id) FROM process");
        if (newest.start().next()) last_id_ = newest.integer(0);
    }
    for (new_rows_.start(last_id_); new_rows_.next();) {
        last_id_ = new_rows_.integer(0);
        if (alive.count(last_id_) == 0) dead_.push_back(last_id_);
    }
    alive_ = std::move(alive);
    ids.insert(ids.end(), dead_.begin(), dead_.end());
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    return ids;
}

}  // namespace lineage::store
