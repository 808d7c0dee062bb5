#include "troubles.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace lineage::daemon {

namespace {

constexpr const char* directory = "/run/lineage";

/// One file a database: its path with dashes for slashes, as systemd-escape(1) does it.
std::string file_of(std::string database) {
    database.erase(0, database.find_first_not_of('/'));
    std::replace(database.begin(), database.end(), '/', '-');
    return std::string(directory) + "/" + database + ".trouble";
}

}  // namespace

Troubles::Troubles(const Operator& to_whom, const std::string& database)
    : operator_(to_whom), file_(file_of(database)) {}

Troubles::~Troubles() {
    if (!now_.empty()) ::unlink(file_.c_str());
}

void Troubles::forget_predecessors() const {
    ::unlink(file_.c_str());
}

void Troubles::tell(const std::string& topic, const base::Status& status, const std::string& meanwhile) {
    const auto before = now_.find(topic);
    const bool was_wrong = before != now_.end();
    if (status) {
        if (!was_wrong) return;
        now_.erase(before);
        operator_.say(Priority::notice, topic + ": works again");
        return write();
    }
    const auto message = status.error().message();
    if (was_wrong && before->second == message) return;
    now_[topic] = message;
    operator_.say(Priority::error, message + "; " + meanwhile);
    write();
}

/// A file that cannot be written is no second trouble: the operator has been told.
void Troubles::write() const {
    if (now_.empty()) {
        ::unlink(file_.c_str());
        return;
    }
    if (::mkdir(directory, 0755) == 0) ::chmod(directory, 0755);  // whatever the umask
    const auto unfinished = file_ + ".new";
    std::ofstream out(unfinished, std::ios::trunc);
    for (const auto& [topic, message] : now_) out << topic << ' ' << message << '\n';
    out.close();
    ::chmod(unfinished.c_str(), 0640);
    if (!out || ::rename(unfinished.c_str(), file_.c_str()) != 0) ::unlink(unfinished.c_str());
}

}  // namespace lineage::daemon
