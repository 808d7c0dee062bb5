#include "matcher.hpp"

#include <algorithm>

#include "intern.hpp"

namespace lineage::store {
namespace {

// The ids of `sql`'s rows (id, value) whose value `wanted` accepts.
template <class Wanted>
std::vector<bool> numbers(Database& database, const char* sql, const Wanted& wanted) {
    std::vector<bool> result;
    Statement rows(database, sql);
    for (rows.start(); rows.next();) {
        const auto number = static_cast<std::size_t>(rows.integer(0));
        if (!wanted(rows)) continue;
        if (number >= result.size()) result.resize(std::max(number + 1, result.size() * 2));
        result[number] = true;
    }
    return result;
}

std::vector<bool> names_like(Database& database, const std::string& glob) {
    return numbers(database, "SELECT id, text FROM name",
                   [&](const Statement& row) { return sqlite3_strglob(glob.c_str(), row.text(1).c_str()) == 0; });
}

std::vector<bool> users(Database& database, const char* sql, std::uint32_t user) {
    return numbers(database, sql, [&](const Statement& row) { return user_of(row.optional(1)) == user; });
}

}  // namespace

Matcher::Matcher(Database& database, const model::Filter& filter) {
    if (!filter.exe_glob.empty()) exe_ = names_like(database, filter.exe_glob);
    if (!filter.comm_glob.empty()) comm_ = names_like(database, filter.comm_glob);
    if (!filter.arg_text.empty()) {
        argv_ = numbers(database, "SELECT id, bytes FROM argv",
                        [&](const Statement& row) { return argv_contains(row.bytes(1), filter.arg_text); });
    }
    if (filter.uid) uid_ = users(database, "SELECT id, uid FROM credentials", *filter.uid);
    if (filter.auid) auid_ = users(database, "SELECT id, auid FROM credentials", *filter.auid);
}

bool Matcher::has(const std::optional<Numbers>& wanted, std::optional<std::int64_t> number) {
    if (!number) return false;
    const auto at = static_cast<std::size_t>(*number);
    return at < wanted->size() && (*wanted)[at];
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
