// The reader's side of interning: numbers become texts again. Bounded memory: when it is full it is forgotten.
// What it remembers cannot change: a number of a
// deleted text is not given out again.
#pragma once

#include <string>
#include <unordered_map>

#include "lineage/model/process.hpp"
#include "sqlite.hpp"

namespace lineage::store {

class Names {
public:
    explicit Names(Database& database)
        : name_(database, "SELECT text FROM name WHERE id=?1"),
          credentials_(database, "SELECT uid, gid, euid, egid, auid, ses, tty FROM credentials WHERE id=?1"),
          argv_(database, "SELECT bytes FROM argv WHERE id=?1") {}

    std::string name(std::optional<std::int64_t> number);
    model::Credentials credentials(std::int64_t number);
    std::vector<std::string> argv(std::optional<std::int64_t> number);

private:
    Statement name_, credentials_, argv_;
    std::unordered_map<std::int64_t, std::string> known_names_;
    std::unordered_map<std::int64_t, model::Credentials> known_credentials_;
};

}  // namespace lineage::store
