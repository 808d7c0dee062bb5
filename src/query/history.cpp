#include "lineage/query/history.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <optional>
#include <unordered_set>

#include "lineage/query/query.hpp"

namespace lineage::query {
namespace {

constexpr model::TimeNs tick_ns = 10'000'000;
// An inferred birth or end, and the threads of a process that exits, are a second at most beside its stamps.
constexpr model::TimeNs slack_ns = 1'000'000'000;
constexpr std::size_t lives_wanted = 8;         // no pid comes round more often within a tick
constexpr std::size_t processes_max = 100'000;  // some 50 MB
constexpr std::size_t counts_max = 100'000;     // some 10 MB

model::TimeNs later(model::TimeNs time_ns, model::TimeNs by_ns) {
    return time_ns > std::numeric_limits<model::TimeNs>::max() - by_ns ? std::numeric_limits<model::TimeNs>::max()
                                                                       : time_ns + by_ns;
}

bool had_ended(const model::Process& life, const EventStamp& stamp) {
    if (!life.ended) return false;
    if (stamp.time_ns > later(life.ended->time_ns, slack_ns)) return true;
    if (life.ended->serial != 0 && stamp.serial != 0) return stamp.serial > life.ended->serial;
    return stamp.time_ns > later(life.ended->time_ns, tick_ns);
}

/// What there was by an event and by the births on the way from its process up. Of two facts that audit counted the
/// serials tell which came first, of others the times.
class Cut {
public:
    Cut(model::TimeNs time_ns, std::int64_t serial) { lower(time_ns, serial); }
    void lower(model::TimeNs time_ns, std::int64_t serial) {
        until_ns_ = std::min(until_ns_, time_ns);
        if (serial != 0)
            until_serial_ = std::min(until_serial_, serial);
        else
            uncounted_until_ns_ = std::min(uncounted_until_ns_, time_ns);
    }
    [[nodiscard]] bool has(model::TimeNs time_ns, std::int64_t serial) const {
        return serial != 0 ? serial <= until_serial_ && time_ns <= uncounted_until_ns_ : time_ns <= until_ns_;
    }

private:
    std::int64_t until_serial_ = std::numeric_limits<std::int64_t>::max();
    model::TimeNs until_ns_ = std::numeric_limits<model::TimeNs>::max();
    model::TimeNs uncounted_until_ns_ = until_ns_;  ///< the least of the times that have no serial
};

/// The kernel's own rule for a task's name at execve (begin_new_exec in fs/exec.c), where no record told it.
std::string comm_of(std::string comm, const std::string& exe) {
    constexpr std::size_t comm_bytes_max = 15;  // TASK_COMM_LEN less its NUL
    return comm.empty() ? exe.substr(exe.rfind('/') + 1, comm_bytes_max) : std::move(comm);
}

bool surely_begun(const model::Process& life, const EventStamp& stamp) {
    if (life.born.serial != 0 && stamp.serial >= life.born.serial) return true;
    return later(stamp.time_ns, tick_ns) >= life.born.time_ns;
}

/// The life, among those of one pid in one boot that had begun at most slack_ns after the event, newest first, that
/// holds it.
std::optional<model::Process> life_of(const std::vector<model::Process>& lives, const EventStamp& stamp, Role role) {
    for (auto life = lives.begin(); life != lives.end(); ++life) {
        const auto older = std::next(life);
        // The kernel gives a pid away only after the exit that freed it: what came before that is the older's.
        const bool is_older =
            older != lives.end() && !had_ended(*older, stamp) &&
            (!surely_begun(*life, stamp) || (stamp.serial != 0 && older->ended && older->ended->serial != 0));
        if (is_older) continue;
        if (role == Role::subject && had_ended(*life, stamp)) return std::nullopt;
        return *life;
    }
    return std::nullopt;
}

}  // namespace

const char* text_of(Unplaced why) {
    switch (why) {
        case Unplaced::no_pid_named:
            return "name no process";
        case Unplaced::no_such_life:
            return "name a pid that nobody in the database had then";
        case Unplaced::unknown_host:
            return "are of a host that the database does not know";
        case Unplaced::several_hosts:
            return "name no host, and several in the database had their pid then";
    }
    return "";
}

base::Status Histories::refresh() {
    const auto version = reader_.version();
    if (!version) return tl::unexpected(version.error());
    if (*version == version_) return {};
    version_ = *version;
    processes_.clear();
    return read_boots();
}

base::Status Histories::read_boots() {
    auto boots = reader_.boots();
    if (!boots) return tl::unexpected(boots.error());
    constexpr auto never = std::numeric_limits<model::TimeNs>::max();
    runs_.clear();
    counts_.clear();
    for (auto& boot : *boots) {
        const auto started_ns = boot.started_ns;
        runs_.push_back({std::move(boot), started_ns, never});
    }
    std::sort(runs_.begin(), runs_.end(), [](const Run& a, const Run& b) { return a.boot.id > b.boot.id; });
    return reader_.lives(0, never, [&](const model::Process& root) {
        for (auto& run : runs_) {
            if (run.boot.id != root.boot) continue;
            run.from_ns = std::min(run.from_ns, root.born.time_ns);
            if (root.ended) run.until_ns = root.ended->time_ns;
        }
        return true;
    });
}

base::Result<std::int64_t> Histories::distance(const Run& run, const EventStamp& stamp) {
    if (stamp.serial == 0)
        return std::max<std::int64_t>({0, run.from_ns - stamp.time_ns, stamp.time_ns - run.until_ns});
    constexpr model::TimeNs step_ns = 100'000'000;  // it is asked for many events of one moment
    const auto step = stamp.time_ns / step_ns;
    if (counts_.size() >= counts_max) counts_.clear();
    const auto [count, is_new] = counts_.try_emplace({run.boot.id, step});
    if (is_new) {
        const auto serial = reader_.serial_by(run.boot.id, stamp.time_ns);
        if (!serial) return tl::unexpected(serial.error());
        count->second = *serial;
    }
    return std::abs(stamp.serial - count->second);
}

base::Result<std::vector<const Histories::Run*>> Histories::running(const EventStamp& stamp, std::string_view node) {
    std::vector<const Run*> found;
    for (const auto& run : runs_) {
        if (!node.empty() && !same_host(run.boot.host, node)) continue;
        if (later(stamp.time_ns, slack_ns) < run.from_ns || stamp.time_ns > later(run.until_ns, slack_ns)) continue;
        const auto other =
            std::find_if(found.begin(), found.end(), [&](const Run* one) { return one->boot.host == run.boot.host; });
        if (other == found.end()) {
            found.push_back(&run);
            continue;
        }
        const auto mine = distance(run, stamp);
        if (!mine) return tl::unexpected(mine.error());
        const auto others = distance(**other, stamp);
        if (!others) return tl::unexpected(others.error());
        if (*mine < *others) *other = &run;
    }
    return found;
}

base::Result<Histories::Place> Histories::place(const EventStamp& stamp, model::Pid pid, Role role) {
    const std::string_view node = stamp.node.empty() ? std::string_view(host_) : stamp.node;
    const bool is_known = node.empty() || std::any_of(runs_.begin(), runs_.end(),
                                                      [&](const Run& run) { return same_host(run.boot.host, node); });
    if (!is_known) return Place{0, Unplaced::unknown_host, false};
    const auto runs = running(stamp, node);
    if (!runs) return tl::unexpected(runs.error());
    std::vector<std::vector<model::Process>> lives(runs->size());
    auto status = reader_.lives(pid, later(stamp.time_ns, slack_ns), [&](const model::Process& life) {
        for (std::size_t i = 0; i < runs->size(); ++i) {
            if ((*runs)[i]->boot.id != life.boot || lives[i].size() == lives_wanted) continue;
            if (!surely_begun(life, stamp)) lives[i].clear();  // of those that may come after it the first alone counts
            lives[i].push_back(life);
        }
        return std::any_of(lives.begin(), lives.end(), [](const auto& some) { return some.size() < lives_wanted; });
    });
    if (!status) return tl::unexpected(status.error());
    Place place;
    for (const auto& some : lives) {
        const auto life = life_of(some, stamp, role);
        if (!life) continue;
        if (place.process != 0) return Place{0, Unplaced::several_hosts, false};
        place.process = life->id;
        place.in_namespace = life->ns_pid.has_value();
    }
    return place;
}

base::Result<const Histories::Known*> Histories::known(model::Id id) {
    if (const auto found = processes_.find(id); found != processes_.end()) return &found->second;
    auto read = reader_.by_id(id);
    if (!read) return tl::unexpected(read.error());
    if (!*read) return nullptr;
    if (processes_.size() >= processes_max) processes_.clear();
    if (see_) see_((*read)->process);
    auto& node = **read;
    Known known{std::move(node.process), std::move(node.current.exe), {}};
    for (auto& image : node.images) {
        known.images.push_back({image.time_ns, image.serial, image.witnesses == model::only(model::Witness::procfs),
                                comm_of(std::move(image.comm), image.exe), std::move(image.exe)});
    }
    return &processes_.emplace(id, std::move(known)).first->second;
}

base::Result<std::vector<model::HistoryEntry>> Histories::history(model::Id process, const EventStamp& stamp) {
    std::vector<model::HistoryEntry> entries;  // from the process up; turned round at the end
    std::vector<std::size_t> inheriting;
    std::unordered_set<model::Id> seen;
    Cut cut(later(stamp.time_ns, tick_ns), stamp.serial);
    for (auto id = process; id != 0;) {
        if (!seen.insert(id).second)
            return base::fail("database", "damaged: process @" + std::to_string(id) + " is its own ancestor");
        const auto found = known(id);
        if (!found) return tl::unexpected(found.error());
        if (*found == nullptr) break;
        const Known& one = **found;
        const auto before = entries.size();
        for (auto image = one.images.rbegin(); image != one.images.rend(); ++image) {
            const bool is_read_first = image->only_read && std::next(image) == one.images.rend();
            if (cut.has(image->time_ns, image->serial) || is_read_first)
                entries.push_back({id, one.process.pid, image->time_ns, image->comm, image->exe});
        }
        if (entries.size() == before) {
            // One that got its own images only later went by what it inherited.
            const bool is_early = !one.images.empty();
            if (is_early) inheriting.push_back(before);
            entries.push_back({id, one.process.pid, one.process.born.time_ns, is_early ? "" : one.process.comm,
                               is_early ? "" : one.exe});
        }
        cut.lower(one.process.born.time_ns, one.process.born.serial);
        id = one.process.parent;
    }
    // Inheriting from the root on: the one above may itself inherit.
    for (auto at = inheriting.rbegin(); at != inheriting.rend(); ++at) {
        if (*at + 1 == entries.size()) continue;
        entries[*at].name = entries[*at + 1].name;
        entries[*at].exe = entries[*at + 1].exe;
    }
    std::reverse(entries.begin(), entries.end());
    return entries;
}

}  // namespace lineage::query
