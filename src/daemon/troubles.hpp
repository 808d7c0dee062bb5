// What is wrong at the moment and will, it is hoped, pass: said to the operator when it begins, when it changes and
// when it is over, and kept in a file under /run for `lineage status`, which works when the disk of the database does
// not.
#pragma once

#include <map>
#include <string>

#include "lineage/base/result.hpp"
#include "lineage/daemon/daemon.hpp"

namespace lineage::daemon {

class Troubles {
public:
    Troubles(const Operator& to_whom, const std::string& database);
    /// What is wrong with a recorder is over with it.
    ~Troubles();
    Troubles(const Troubles&) = delete;
    Troubles& operator=(const Troubles&) = delete;

    /// The file may be of one that was killed; for who is sure to be the only one now.
    void forget_predecessors() const;
    /// `topic` ("journal", "database", "tracker") is so now; `meanwhile` says what becomes of the recording.
    void tell(const std::string& topic, const base::Status& status, const std::string& meanwhile);
    /// A line `topic message` for each; absent when there is none.
    [[nodiscard]] const std::string& file() const { return file_; }

private:
    void write() const;

    const Operator& operator_;
    std::string file_;
    std::map<std::string, std::string> now_;
};

}  // namespace lineage::daemon
