#include "troubles.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "lineage/base/run_directory.hpp"

namespace lineage::daemon {

Troubles::Troubles(const Operator& to_whom, const std::string& database)
    : operator_(to_whom), file_(base::in_run_directory(base::as_name(database) + ".trouble")) {}

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
    const auto unfinished = file_ + ".new";
    std::ofstream out(unfinished, std::ios::trunc);
    for (const auto& [topic, message] : now_) out << topic << ' ' << message << '\n';
    out.close();
    ::chmod(unfinished.c_str(), 0640);
    if (!out || ::rename(unfinished.c_str(), file_.c_str()) != 0) ::unlink(unfinished.c_str());
}

}  // namespace lineage::daemon
