// Goal: a clock that is set or slewed, and a machine that sleeps, neither split a life in two nor join two; the history
// shows what the clock showed, and a gap says where its times are doubtful. Method: the frames that capture would
// write, made by hand, through the real pipeline into memory.
#include <doctest/doctest.h>

#include <string>

#include "../../sim/memory_store.hpp"
#include "lineage/base/codec.hpp"
#include "lineage/ingest/pipeline.hpp"
#include "lineage/procfs/entry.hpp"

using namespace lineage;

namespace {

constexpr model::TimeNs ms = 1'000'000;
constexpr model::TimeNs s = 1000 * ms;
constexpr model::TimeNs hour = 3600 * s;
constexpr model::TimeNs started = 1'763'720'000 * s;

/// A machine with its clocks, and the frames it yields.
struct Machine {
    model::TimeNs boottime = 100 * s;
    model::TimeNs asleep = 0;  ///< CLOCK_BOOTTIME - CLOCK_MONOTONIC
    model::TimeNs set_by = 0;  ///< what CLOCK_REALTIME was set by
    std::int64_t serial = 0;
    sim::MemoryStore store;
    std::unique_ptr<ingest::Pipeline> pipeline = std::make_unique<ingest::Pipeline>(store);
    std::uint64_t position = 0;

    [[nodiscard]] model::TimeNs real() const { return started + boottime + set_by; }
    [[nodiscard]] model::TimeNs mono() const { return boottime - asleep; }

    void frame(model::Source source, std::uint16_t type, const std::string& payload) {
        pipeline->frame({source, type, real(), payload});
    }
    template <class... Values>
    void control(model::Control type, Values... values) {
        std::string payload;
        base::Encoder out(payload);
        (out.put(values), ...);
        frame(model::Source::control, static_cast<std::uint16_t>(type), payload);
    }
    void boot() {
        std::string payload;
        base::Encoder out(payload);
        out.put_bytes("a-boot");
        out.put_bytes("a-host");
        out.put(real() - mono());
        out.put(real() - boottime);
        frame(model::Source::control, static_cast<std::uint16_t>(model::Control::boot), payload);
        control(model::Control::audit_up, std::uint8_t{1});
    }
    void notice_clock() { control(model::Control::clock, real() - mono(), real() - boottime); }
    /// Capture's word on tampering that it found at `found` and has just undone once more.
    void tampered(model::TimeNs found, std::int64_t times) {
        std::string payload;
        base::Encoder out(payload);
        out.put(found);
        out.put(model::Weakness::rules_removed);
        out.put(found - s);
        out.put(real());
        out.put(times);
        out.put(model::Pid{42});
        out.put_bytes("rules missing");
        frame(model::Source::control, static_cast<std::uint16_t>(model::Control::tampered), payload);
    }
    void drained() { control(model::Control::connector_drained, mono()); }
    void look_at(model::Pid pid, model::Pid ppid, model::TimeNs born_boottime) {
        model::Seen seen;
        seen.pid = pid;
        seen.ppid = ppid;
        seen.started_ns = born_boottime + real() - boottime;
        seen.read_ns = real();
        seen.comm = "daemon";
        seen.exe = "/usr/sbin/daemon";
        seen.ns_pids = {pid};
        seen.tids = {pid};
        frame(model::Source::procfs, 0, procfs::encode(seen));
    }
    void look_around(const std::vector<std::pair<model::Pid, model::TimeNs>>& alive) {
        const auto began = real();
        control(model::Control::snapshot_begin, began);
        for (const auto& [pid, born] : alive) look_at(pid, pid == 1 ? 0 : 1, born);
        boottime += ms;
        control(model::Control::snapshot_end, began);
    }
    /// A record of `pid`'s exit_group, stamped as `stamp_ns`.
    void exit_of(model::Pid pid, model::TimeNs stamp_ns) {
        const auto number = std::to_string(++serial);
        const auto stamp = std::to_string(stamp_ns / s) + "." + std::to_string(1000 + stamp_ns / ms % 1000).substr(1);
        const auto head = "audit(" + stamp + ":" + number + "): ";
        frame(model::Source::audit, 1300,
              head + "arch=c000003e syscall=231 a0=0 a1=0 a2=0 a3=0 items=0 ppid=1 pid=" + std::to_string(pid) +
                  " auid=0 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=1 comm=\"daemon\""
                  " exe=\"/usr/sbin/daemon\" subj=unconfined key=\"lineage\"");
        frame(model::Source::audit, 1320, head);
    }
    void commit() { REQUIRE(pipeline->commit_with_checkpoint(++position)); }
    void restart_tracker() {
        commit();
        pipeline = std::make_unique<ingest::Pipeline>(store);
        REQUIRE(pipeline->restore(store.saved));
    }
    [[nodiscard]] std::vector<model::Process> lives(model::Pid pid) const {
        std::vector<model::Process> found;
        for (const auto& [id, process] : store.processes)
            if (process.pid == pid) found.push_back(process);
        return found;
    }
};

}  // namespace

TEST_CASE("a clock that is set, forward or back, splits no life, and is a gap") {
    for (const model::TimeNs by : {hour, -hour, 200 * ms, -200 * ms}) {
        for (const bool restart : {false, true}) {
            CAPTURE(by);
            CAPTURE(restart);
            Machine machine;
            machine.boot();
            machine.look_around({{1, 1 * s}, {500, 2 * s}});
            machine.boottime += 10 * s;
            if (restart) machine.restart_tracker();
            const auto before = machine.real();
            machine.set_by = by;
            machine.notice_clock();
            machine.boottime += 10 * s;
            machine.look_around({{1, 1 * s}, {500, 2 * s}});
            machine.commit();
            REQUIRE(machine.lives(1).size() == 1);
            REQUIRE(machine.lives(500).size() == 1);
            CHECK_FALSE(machine.lives(500)[0].ended);
            CHECK(machine.lives(500)[0].born.time_ns == started + 2 * s);
            REQUIRE(machine.store.gaps.size() == 1);
            const auto& gap = machine.store.gaps[0];
            CHECK(gap.why.find(by > 0 ? "set forward by" : "set back by") != std::string::npos);
            CHECK(std::abs(gap.from_ns - std::min(before, before + by)) < 2);
            CHECK(std::abs(gap.to_ns - std::max(before, before + by)) < 2);
        }
    }
}

TEST_CASE("records stamped before the clock was set and read after it end the right life at the right time") {
    for (const model::TimeNs by : {hour, -hour}) {
        CAPTURE(by);
        Machine machine;
        machine.boot();
        machine.look_around({{1, 1 * s}, {500, 2 * s}, {501, 3 * s}});
        machine.boottime += 10 * s;
        machine.drained();
        const auto stamp = machine.real();
        machine.boottime += 100 * ms;
        machine.set_by = by;
        machine.notice_clock();
        machine.boottime += 100 * ms;
        machine.drained();
        machine.exit_of(500, stamp);           // by the old clock
        machine.exit_of(501, machine.real());  // by the new one
        machine.boottime += 10 * s;
        machine.control(model::Control::idle);
        machine.look_around({{1, 1 * s}});
        machine.commit();
        REQUIRE(machine.lives(500).size() == 1);
        REQUIRE(machine.lives(501).size() == 1);
        REQUIRE(machine.lives(500)[0].ended);
        REQUIRE(machine.lives(501)[0].ended);
        CHECK(machine.lives(500)[0].ended->time_ns == stamp);
        CHECK(machine.lives(501)[0].ended->time_ns == stamp + 200 * ms + by);
        CHECK(machine.lives(500)[0].ended->code == 0);
        CHECK(machine.lives(501)[0].ended->code == 0);
    }
}

TEST_CASE("a machine that slept: a gap as long, and nobody is born or dies of it") {
    Machine machine;
    machine.boot();
    machine.look_around({{1, 1 * s}, {500, 2 * s}});
    machine.boottime += 10 * s;
    const auto before = machine.real();
    machine.boottime += hour;
    machine.asleep += hour;
    machine.notice_clock();
    machine.look_around({{1, 1 * s}, {500, 2 * s}});
    machine.commit();
    CHECK(machine.lives(500).size() == 1);
    REQUIRE(machine.store.gaps.size() == 1);
    CHECK(machine.store.gaps[0].why == "the machine was suspended for 3600.000 s");
    CHECK(machine.store.gaps[0].from_ns == before);
    CHECK(machine.store.gaps[0].to_ns == before + hour);
}

TEST_CASE("a clock that is slewed for a day keeps a life one, also over a recorder that was not running meanwhile") {
    for (const bool told : {true, false}) {
        CAPTURE(told);
        Machine machine;
        machine.boot();
        machine.look_around({{1, 1 * s}, {500, 2 * s}});
        for (int minutes = 0; minutes < 1440; ++minutes) {
            machine.boottime += 60 * s;
            machine.set_by += 2 * ms;
            if (told) machine.notice_clock();
        }
        if (!told) machine.boot();
        machine.look_around({{1, 1 * s}, {500, 2 * s}});
        machine.commit();
        CHECK(machine.lives(500).size() == 1);
        CHECK_FALSE(machine.lives(500)[0].ended);
        CHECK(machine.store.gaps.size() == (told ? 0 : 1));  // that one is: lineaged was not running
    }
}

TEST_CASE("a pid used again after the clock was set back is another life") {
    Machine machine;
    machine.boot();
    machine.look_around({{1, 1 * s}, {500, 2 * s}});
    machine.boottime += 10 * s;
    machine.set_by = -hour;
    machine.notice_clock();
    machine.boottime += 10 * s;
    machine.look_around({{1, 1 * s}, {500, machine.boottime - s}});
    machine.commit();
    const auto lives = machine.lives(500);
    REQUIRE(lives.size() == 2);
    CHECK(lives[0].ended);
    CHECK_FALSE(lives[1].ended);
    CHECK(lives[1].born.time_ns == machine.real() - s - ms);
}

TEST_CASE(
    "tampering that goes on while the clock is set is one, from when it was by the old clock to when by the new") {
    for (const model::TimeNs by : {hour, -hour, 2 * ms}) {
        CAPTURE(by);
        Machine machine;
        machine.boot();
        machine.look_around({{1, 1 * s}});
        machine.boottime += 10 * s;
        const auto found = machine.real();
        machine.tampered(found, 1);
        machine.boottime += s;
        machine.set_by = by;
        machine.notice_clock();
        machine.restart_tracker();
        machine.boottime += s;
        machine.tampered(found, 2);
        machine.commit();
        REQUIRE(machine.store.tampering.size() == 1);
        const auto& tamper = machine.store.tampering.begin()->second;
        CHECK(tamper.from_ns == found - s);
        CHECK(tamper.to_ns == machine.real());
        CHECK(tamper.times == 2);
    }
}
