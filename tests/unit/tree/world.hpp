// For the tracker's tests: observations by hand, times in milliseconds, and what the sink was told.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "lineage/tree/tracker.hpp"

namespace lineage::tree::test {

using model::Witness;

constexpr model::TimeNs ms = 1'000'000;
constexpr model::TimeNs start = 1'000'000'000 * ms;

struct Rows final : tree::ChangeSink {
    std::map<model::Id, model::Process> processes;
    std::map<std::pair<model::Id, int>, model::Image> images;
    std::map<model::Id, std::vector<model::Attempt>> attempts_kept;
    std::map<model::Id, std::pair<model::Id, model::KeptEvent>> records;  ///< by id, with the owner
    std::vector<model::Gap> gaps;
    std::map<model::Id, model::Tamper> tampering;
    void boot(const model::Boot&) override {}
    void process(const model::Process& process) override { processes[process.id] = process; }
    void image(model::Id owner, const model::Image& image) override { images[{owner, image.seq}] = image; }
    void images_end(model::Id owner, std::int32_t seq) override {
        images.erase(images.lower_bound({owner, seq}), images.upper_bound({owner, INT32_MAX}));
    }
    void attempts(model::Id owner, const std::vector<model::Attempt>& all) override { attempts_kept[owner] = all; }
    void record(model::Id id, model::Id owner, const model::KeptEvent& event) override { records[id] = {owner, event}; }
    void record_moved(model::Id id, model::Id owner) override { records.at(id).first = owner; }
    void removed(model::Id process) override { processes.erase(process); }
    void gap(const model::Gap& gap) override {
        std::erase_if(gaps, [&](const model::Gap& one) { return one.id == gap.id; });
        gaps.push_back(gap);
    }
    void tamper(const model::Tamper& tamper) override { tampering[tamper.id] = tamper; }
};

class World {
public:
    World() {
        model::BootBegan boot;
        boot.name = "boot";
        boot.started_ns = boot.time_ns = start;
        say(boot);
    }
    template <class Fact>
    void say(Fact fact) {
        tracker.observe(model::Observation(std::move(fact)));
    }
    static model::AuditHeader task(model::TimeNs at_ms, std::int64_t serial, model::Pid pid, model::Pid ppid,
                                   std::uint32_t uid = 0) {
        model::AuditHeader header;
        header.time_ns = start + at_ms * ms;
        header.serial = serial;
        header.pid = pid;
        header.ppid = ppid;
        header.credentials = model::Credentials{uid, 0, uid, 0, 1000, 1, ""};
        header.comm = "c";
        header.exe = "/bin/c";
        return header;
    }
    void fork(model::TimeNs at_ms, std::int64_t serial, model::Pid pid, model::Pid ppid, model::Pid returned,
              model::How how = model::How::fork, std::optional<std::uint64_t> flags = {}) {
        say(model::AuditFork{task(at_ms, serial, pid, ppid), how, returned, flags});
    }
    void exec(model::TimeNs at_ms, std::int64_t serial, model::Pid pid, model::Pid ppid, const std::string& name) {
        say(model::AuditExec{task(at_ms, serial, pid, ppid), true, 0, {name}, "/", "/bin/c"});
    }
    void fail(model::TimeNs at_ms, std::int64_t serial, model::Pid pid, const std::string& path, int error) {
        say(model::AuditExec{task(at_ms, serial, pid, 50), false, error, {}, "/home", path});
    }
    void exec_of(model::TimeNs at_ms, std::int64_t serial, model::Pid pid, const std::string& path) {
        say(model::AuditExec{task(at_ms, serial, pid, 50), true, 0, {path}, "/", path});
    }
    void kill(model::TimeNs at_ms, std::int64_t serial, model::Pid pid, int signal, std::vector<model::Pid> targets) {
        say(model::AuditSignal{task(at_ms, serial, pid, 1), signal, std::move(targets)});
    }
    void exit(model::TimeNs at_ms, std::int64_t serial, model::Pid pid, model::Pid ppid, int code, bool group = true) {
        say(model::AuditExit{task(at_ms, serial, pid, ppid), code, group});
    }
    void connector() { say(model::ConnectorUp{start}); }
    void born(model::TimeNs at_ms, model::Pid parent, model::Pid tid, model::Pid tgid) {
        say(model::ConnectorFork{start + at_ms * ms, parent, tid, tgid});
    }
    void exec_told(model::TimeNs at_ms, model::Pid pid) { say(model::ConnectorExec{start + at_ms * ms, pid, pid}); }
    void ids(model::TimeNs at_ms, model::Pid pid, bool group, std::uint32_t id) {
        say(model::ConnectorId{start + at_ms * ms, pid, pid, group, id, id});
    }
    void gone(model::TimeNs at_ms, model::Pid tid, model::Pid tgid, std::uint32_t status) {
        say(model::ConnectorExit{start + at_ms * ms, tid, tgid, status, 1});
    }
    void lost(model::TimeNs from_ms, model::TimeNs to_ms, std::optional<std::int64_t> count) {
        say(model::Lost{Witness::connector, start + from_ms * ms, start + to_ms * ms, count, "test"});
    }
    void seen(model::TimeNs at_ms, model::TimeNs started_ms, model::Pid pid, model::Pid ppid) {
        model::Seen seen;
        seen.read_ns = start + at_ms * ms;
        seen.started_ns = start + started_ms * ms;
        seen.pid = pid;
        seen.ppid = ppid;
        seen.comm = "c";
        say(seen);
    }
    /// The pid's lives, oldest first.
    std::vector<model::Process> lives(model::Pid pid) {
        tracker.take_changes(rows);
        std::vector<model::Process> found;
        for (const auto& [id, process] : rows.processes)
            if (process.pid == pid) found.push_back(process);
        std::sort(found.begin(), found.end(),
                  [](const auto& a, const auto& b) { return a.born.time_ns < b.born.time_ns; });
        return found;
    }
    model::Process one(model::Pid pid) {
        const auto found = lives(pid);
        REQUIRE(found.size() == 1);
        return found.front();
    }
    /// The paths of its attempts, one behind the other.
    std::string tried(const model::Process& process) {
        std::string paths;
        for (const auto& attempt : rows.attempts_kept[process.id]) paths += attempt.path + " ";
        return paths;
    }
    /// Goes on from its saved state.
    void save_and_restore() {
        tracker.take_changes(rows);
        std::string saved;
        tracker.save(saved);
        tree::Tracker other;
        REQUIRE(other.restore(saved));
        tracker = std::move(other);
    }
    model::Pid parent_of(const model::Process& process) { return rows.processes.at(process.parent).pid; }
    std::string runs(const model::Process& process) {
        const auto image = rows.images.find({process.image_owner, process.image_seq});
        return image == rows.images.end() || image->second.argv.empty() ? "" : image->second.argv.front();
    }

    tree::Tracker tracker;
    Rows rows;
};

}  // namespace lineage::tree::test
