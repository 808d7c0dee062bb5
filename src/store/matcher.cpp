#include "matcher.hpp"

#include <algorithm>

#include "intern.hpp"

namespace lineage::store {

Matcher::Numbers::Numbers(Database& database, const char* columns, const char* table, Wanted wanted)
    : database_(database),
      sql_("SELECT id, " + std::string(columns) + " FROM " + table + " WHERE id > ?1 ORDER BY id"),
      wanted_(std::move(wanted)) {
    refresh();
}

void Matcher::Numbers::refresh() {
    Statement rows(database_, sql_);
    for (rows.start(last_); rows.next();) {
        last_ = rows.integer(0);
        if (!wanted_(rows)) continue;
        const auto number = static_cast<std::size_t>(last_);
        if (number >= numbers_.size()) numbers_.resize(std::max(number + 1, numbers_.size() * 2));
        numbers_[number] = true;
    }
}

bool Matcher::Numbers::has(std::optional<std::int64_t> number) const {
    if (!number) return false;
    const auto at = static_cast<std::size_t>(*number);
    return at < numbers_.size() && numbers_[at];
}

Matcher::Matcher(Database& database, const model::Filter& filter) {
    const auto names_like = [&](const std::string& glob, std::optional<Numbers>& numbers) {
        if (glob.empty()) return;
        numbers.emplace(database, "text", "name", [glob](const Statement& row) {
            return sqlite3_strglob(glob.c_str(), row.text(1).c_str()) == 0;
        });
    };
    const auto users = [&](const char* column, std::optional<std::uint32_t> user, std::optional<Numbers>& numbers) {
        if (!user) return;
        numbers.emplace(database, column, "credentials",
                        [user](const Statement& row) { return user_of(row.optional(1)) == *user; });
    };
    names_like(filter.exe_glob, exe_);
    names_like(filter.comm_glob, comm_);
    names_like(filter.ancestor_glob, ancestor_);
    if (!filter.arg_text.empty()) {
        argv_.emplace(database, "bytes", "argv",
                      [text = filter.arg_text](const Statement& row) { return argv_contains(row.bytes(1), text); });
    }
    users("uid", filter.uid, uid_);
    users("auid", filter.auid, auid_);
}

void Matcher::refresh() {
    for (auto* numbers : {&exe_, &comm_, &argv_, &uid_, &auid_, &ancestor_})
        if (*numbers) (*numbers)->refresh();
}

bool Matcher::looks_at_images() const {
    return exe_ || comm_ || argv_ || uid_ || auid_;
}

bool Matcher::is_ancestors(std::optional<std::int64_t> exe, std::optional<std::int64_t> script) const {
    return has(ancestor_, exe) || has(ancestor_, script);
}

bool Matcher::matches(const ProcessRow& process, const std::vector<ImageRow>& images, const ImageRow* current) const {
    const auto some_image = [&](const auto& is_wanted) {
        return std::any_of(images.begin(), images.end(), is_wanted) || (current != nullptr && is_wanted(*current));
    };
    const auto was = [&](const std::optional<Numbers>& wanted) {
        return has(wanted, process.credentials) ||
               std::any_of(images.begin(), images.end(),
                           [&](const ImageRow& image) { return has(wanted, image.credentials); });
    };
    return (!exe_ ||
            some_image([&](const ImageRow& image) { return has(exe_, image.exe) || has(exe_, image.script); })) &&
           (!comm_ || has(comm_, process.comm) ||
            some_image([&](const ImageRow& image) { return has(comm_, image.comm); })) &&
           (!argv_ || some_image([&](const ImageRow& image) { return has(argv_, image.argv); })) &&
           (!uid_ || was(uid_)) && (!auid_ || was(auid_));
}

}  // namespace lineage::store
