// A kernel in miniature, driven by a seed: processes are born and die by every road, and what happens comes out as the
// frames that capture would have written, delayed and disordered as a real machine may do it, together with the truth.
//
// What it keeps of the real thing (see DESIGN.md): pids are given out in a circle and reused; the connector speaks at
// the moment of the fact; an audit record is stamped with the coarse clock at system call entry and emitted at its end,
// a vfork's when the child has let go, and may arrive any time later, but never before a connector event that
// preceded it; threads share the pid space; a killed process leaves no record; in a pid namespace clone returns the
// namespace's number.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "lineage/model/frame.hpp"
#include "lineage/model/process.hpp"

namespace sim {

namespace model = lineage::model;

struct Options {
    std::uint64_t seed = 1;
    int processes = 300;
    bool audit = true;
    bool connector = true;
    double drop = 0.0;       ///< share of audit events and of connector messages that are lost
    double duplicate = 0.0;  ///< share that arrives twice
    bool namespaces = true;
    model::Pid pid = 0;  ///< print the frames that speak of it
};

struct TrueImage {
    model::TimeNs time_ns = 0;
    std::string exe;
    std::vector<std::string> argv;
};

/// One life as it really was. Times are real time; `parent` is an index into World::lives.
struct TrueLife {
    model::Pid pid = 0;
    int parent = -1;
    model::TimeNs born_ns = 0;
    bool in_snapshot = false;
    bool by_clone3 = false;
    std::vector<TrueImage> images;
    std::uint32_t uid = 0;
    std::uint32_t auid = model::unset_uid;
    std::uint32_t ses = model::unset_uid;
    std::optional<model::TimeNs> ended_ns;
    std::optional<int> code;
    std::optional<int> signal;
    std::optional<model::Pid> ns_pid;
};

struct OwnedFrame {
    model::Source source = model::Source::control;
    std::uint16_t type = 0;
    model::TimeNs received_ns = 0;
    std::string payload;
};

class World {
public:
    explicit World(const Options& options);
    /// One step; false when it is all over. What it put into `frames` is the reader's to take.
    bool advance();
    /// Capture was asked for this pid: puts what /proc shows, if it shows anything.
    void answer(model::Pid pid);

    std::vector<TrueLife> lives;
    std::vector<OwnedFrame> frames;
    int lost_audit_events = 0;

private:
    struct Task {
        int life = 0;
        model::Pid pid = 0;
        model::Pid ppid = 0;  ///< the kernel's parent
        std::vector<model::Pid> tids;
        int space = 0;              ///< pid namespace
        model::Pid own_number = 0;  ///< in it
        bool busy = false;          ///< inside a call whose record is still to come
        bool dead = false;
    };
    struct Later {
        model::TimeNs at_ns;
        std::uint64_t order;
        enum class What { record, unblock, free_pid } what;
        std::string text;  ///< records, "type text" lines
        model::Pid pid;
        bool operator<(const Later& other) const { return std::tie(at_ns, order) > std::tie(other.at_ns, other.order); }
    };

    bool chance(double share) { return std::uniform_real_distribution<>(0, 1)(random_) < share; }
    std::int64_t between(std::int64_t low, std::int64_t high) {
        return std::uniform_int_distribution<std::int64_t>(low, high)(random_);
    }
    void boot();
    void step();
    void settle(model::TimeNs until_ns);
    Task* any_task(bool idle);
    model::Pid take_pid();
    model::Pid number_in(int space);

    void do_fork(Task& task);
    void do_thread(Task& task);
    void do_thread_exit(Task& task);
    void do_exec(Task& task);
    void do_setuid(Task& task);
    void do_login(Task& task);
    [[nodiscard]] bool takes_busy_along(const Task& task) const;
    void do_exit(Task& task);
    void do_kill(Task& task);
    void die(Task& task, int wait_status);
    void release_parent_of(Task& task);

    void connector_event(std::uint32_t what, const std::vector<std::uint32_t>& fields);
    void audit_event(const Task& task, model::TimeNs entered_ns, model::TimeNs emitted_ns, int call,
                     std::int64_t result, std::uint64_t a0, const std::string& more, bool has_result = true);
    void snapshot();
    void snapshot_entry(const Task& task);
    void control(model::Control type, const std::string& payload);
    void put(model::Source source, std::uint16_t type, std::string payload);
    void deliver_audit(bool all);
    [[nodiscard]] model::TimeNs real(model::TimeNs mono) const { return mono + offset_ns; }
    [[nodiscard]] model::TimeNs coarse(model::TimeNs mono) const { return real(mono) / 4'000'000 * 4'000'000; }

    static constexpr model::TimeNs offset_ns = 1'763'000'000'000'000'000;
    static constexpr model::Pid pid_max = 700;

    Options options_;
    std::mt19937_64 random_;
    model::TimeNs now_ = 5'000'000'000;
    std::map<model::Pid, Task> tasks_;   ///< by pid
    std::map<model::Pid, bool> used_;    ///< pids and tids in use
    std::map<int, model::Pid> numbers_;  ///< last number given out in a namespace
    std::map<model::Pid, Later> held_;   ///< vfork parents' records, by child
    std::priority_queue<Later> later_;
    std::uint32_t last_session_ = 1;    ///< pid 30 has it
    std::vector<std::string> emitted_;  ///< audit records not yet delivered
    model::TimeNs deliver_at_ = 0;
    model::TimeNs delivered_ns_ = 0;                                          ///< the last time
    model::TimeNs reconcile_at_ = std::numeric_limits<model::TimeNs>::max();  ///< since the connector lost something
    model::Pid last_pid_ = 300;
    std::int64_t serial_ = 100;
    std::uint64_t order_ = 0;
    std::uint32_t connector_seq_[2] = {0, 0};
    int spaces_ = 0;
    int steps_left_ = 400;
    enum class Phase { boot, busy, idle, over } phase_ = Phase::boot;
};

}  // namespace sim
