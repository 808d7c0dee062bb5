#include "world.hpp"

#include <fmt/format.h>
#include <linux/audit.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <sched.h>
#include <signal.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "lineage/base/codec.hpp"
#include "lineage/procfs/entry.hpp"

namespace sim {

namespace {

// linux/cn_proc.h, where they stand inside struct proc_event or beside it, as the kernel's version has it.
enum : std::uint32_t { event_fork = 1, event_exec = 2, event_uid = 4, event_exit = 0x80000000 };
enum : int {
    sys_clone = 56,
    sys_fork = 57,
    sys_vfork = 58,
    sys_execve = 59,
    sys_exit = 60,
    sys_setresuid = 117,
    sys_exit_group = 231,
    sys_clone3 = 435,
    sys_write = 1
};

}  // namespace

World::World(const Options& options) : options_(options), random_(options.seed) {}

void World::put(model::Source source, std::uint16_t type, std::string payload) {
    frames.push_back({source, type, real(now_), std::move(payload)});
}

void World::control(model::Control type, const std::string& payload) {
    put(model::Source::control, static_cast<std::uint16_t>(type), payload);
}

void World::boot() {
    std::string payload;
    lineage::base::Encoder out(payload);
    out.put_bytes("sim-boot");
    out.put_bytes("sim");
    out.put(offset_ns);
    out.put(offset_ns);
    control(model::Control::boot, payload);
    lives.push_back({});  // pid 0
    lives[0].in_snapshot = true;
    for (const model::Pid pid : {1, 2, 10, 20, 30}) {
        TrueLife life;
        life.pid = pid;
        life.parent = pid <= 2 ? 0 : 1;
        life.born_ns = offset_ns + pid * 10'000'000;
        life.in_snapshot = true;
        life.auid = pid == 30 ? 1000 : model::unset_uid;
        life.ses = pid == 30 ? 1 : model::unset_uid;
        life.images.push_back({life.born_ns, fmt::format("/sbin/p{}", pid), {fmt::format("p{}", pid)}});
        Task task;
        task.life = static_cast<int>(lives.size());
        task.pid = task.own_number = pid;
        task.ppid = pid <= 2 ? 0 : 1;
        task.tids = {pid};
        used_[pid] = true;
        lives.push_back(life);
        tasks_[pid] = task;
    }
    if (options_.connector) control(model::Control::connector_up, "");
    if (options_.audit) control(model::Control::audit_up, std::string(1, '\1'));
    snapshot();
}

void World::snapshot() {
    std::string began;
    lineage::base::Encoder out(began);
    out.put(real(now_));
    control(model::Control::snapshot_begin, began);
    for (const auto& [pid, task] : tasks_) snapshot_entry(task);
    control(model::Control::snapshot_end, began);
}

void World::snapshot_entry(const Task& task) {
    const TrueLife& life = lives[static_cast<std::size_t>(task.life)];
    model::Seen seen;
    seen.read_ns = real(now_);
    seen.started_ns = life.born_ns;
    seen.pid = task.pid;
    seen.ppid = task.ppid;
    seen.kernel_thread = task.pid == 2;
    seen.zombie = task.dead;
    seen.credentials = {life.uid, 0, life.uid, 0, life.auid, life.ses, ""};
    seen.comm = "snap";
    if (!seen.kernel_thread && !life.images.empty()) {
        seen.exe = life.images.back().exe;
        seen.argv = life.images.back().argv;
    }
    seen.ns_pids = {task.pid};
    if (task.space != 0) seen.ns_pids.push_back(task.own_number);
    seen.tids = task.tids;
    put(model::Source::procfs, 0, lineage::procfs::encode(seen));
}

bool World::advance() {
    switch (phase_) {
        case Phase::boot:
            boot();
            phase_ = Phase::busy;
            return true;
        case Phase::busy:
            step();
            if (static_cast<int>(lives.size()) >= options_.processes && --steps_left_ == 0) phase_ = Phase::idle;
            return true;
        case Phase::idle:
            settle(now_ + 10'000'000'000);
            now_ += 10'000'000'000;
            deliver_audit(true);
            control(model::Control::idle, "");
            now_ += 2'000'000'000;
            control(model::Control::idle, "");
            phase_ = Phase::over;
            return true;
        case Phase::over:
            break;
    }
    return false;
}

void World::answer(model::Pid pid) {
    const auto task = tasks_.find(pid);
    if (task != tasks_.end()) snapshot_entry(task->second);
}

void World::settle(model::TimeNs until_ns) {
    while (!later_.empty() && later_.top().at_ns <= until_ns) {
        const Later due = later_.top();
        later_.pop();
        now_ = std::max(now_, due.at_ns);
        if (due.what == Later::What::record) {
            std::string lines = due.text;
            const auto serial = std::to_string(++serial_);
            for (std::size_t at = 0; (at = lines.find("SERIAL", at)) != std::string::npos;)
                lines.replace(at, 6, serial);
            emitted_.push_back(lines);
        } else if (due.what == Later::What::unblock) {
            if (const auto task = tasks_.find(due.pid); task != tasks_.end()) task->second.busy = false;
        } else {
            used_.erase(due.pid);
            if (const auto task = tasks_.find(due.pid); task != tasks_.end() && task->second.dead) tasks_.erase(task);
        }
    }
}

void World::step() {
    settle(now_);
    now_ += between(5'000, 400'000);
    settle(now_);
    deliver_audit(false);
    if (now_ >= reconcile_at_) {
        reconcile_at_ = std::numeric_limits<model::TimeNs>::max();
        snapshot();
    }
    const bool crowded = tasks_.size() > 120;
    Task* const task = any_task(true);
    if (task == nullptr) return;
    const auto roll = between(0, 99);
    const bool keep = task->pid <= 30;
    if (roll < (crowded ? 10 : 42))
        do_fork(*task);
    else if (roll < 50)
        do_thread(*task);
    else if (roll < 54)
        do_thread_exit(*task);
    else if (roll < 70 && !keep)
        do_exec(*task);
    else if (roll < 74 && !keep)
        do_setuid(*task);
    else if (roll < 76 && !keep)
        do_login(*task);
    else if (roll < 92 && !keep)
        do_exit(*task);
    else if (!keep)
        do_kill(*task);
}

World::Task* World::any_task(bool idle) {
    std::vector<Task*> some;
    for (auto& [pid, task] : tasks_)
        if (!task.dead && pid != 2 && !(idle && task.busy)) some.push_back(&task);
    return some.empty() ? nullptr
                        : some[static_cast<std::size_t>(between(0, static_cast<std::int64_t>(some.size()) - 1))];
}

model::Pid World::take_pid() {
    do {
        last_pid_ = last_pid_ >= pid_max ? 300 : last_pid_ + 1;
    } while (used_.count(last_pid_) != 0);
    used_[last_pid_] = true;
    return last_pid_;
}

model::Pid World::number_in(int space) {
    return ++numbers_[space];
}

void World::do_fork(Task& task) {
    enum { fork, vfork, clone, clone_parent, clone3, clone3_parent, new_space } road;
    const auto roll = between(0, 99);
    road = roll < 30   ? fork
           : roll < 45 ? vfork
           : roll < 65 ? clone
           : roll < 73 ? clone_parent
           : roll < 90 ? clone3
           : roll < 95 ? clone3_parent
                       : new_space;
    // A namespace's init cannot be used with CLONE_PARENT, and clone3 inside one is told apart by order alone.
    const bool init_of_space = task.space != 0 && task.own_number == 1;
    if ((road == clone_parent || road == clone3_parent) && (init_of_space || task.pid <= 2)) road = clone;
    if (road == clone3_parent && task.space != 0) road = clone;
    if (road == new_space && (!options_.namespaces || task.space != 0)) road = clone;
    const auto entered = now_;
    now_ += between(2'000, 60'000);
    const bool by_parent = road == clone_parent || road == clone3_parent;
    const model::Pid pid = take_pid();
    TrueLife life;
    life.pid = pid;
    life.parent = task.life;
    life.born_ns = real(now_);
    life.by_clone3 = road == clone3 || road == clone3_parent;
    life.uid = lives[static_cast<std::size_t>(task.life)].uid;
    life.auid = lives[static_cast<std::size_t>(task.life)].auid;
    life.ses = lives[static_cast<std::size_t>(task.life)].ses;
    Task child;
    child.life = static_cast<int>(lives.size());
    child.pid = pid;
    child.ppid = by_parent ? task.ppid : task.pid;
    child.tids = {pid};
    child.space = task.space;
    if (road == new_space) child.space = ++spaces_;
    child.own_number = child.space == 0 ? pid : number_in(child.space);
    if (child.space != 0) life.ns_pid = child.own_number;
    const auto returned = road == new_space || task.space == 0 ? pid : child.own_number;
    lives.push_back(life);
    const auto parent = static_cast<std::uint32_t>(child.ppid);
    tasks_[pid] = child;
    connector_event(event_fork, {parent, parent, static_cast<std::uint32_t>(pid), static_cast<std::uint32_t>(pid)});
    Task& caller = tasks_.at(task.pid);
    const int calls[] = {sys_fork, sys_vfork, sys_clone, sys_clone, sys_clone3, sys_clone3, sys_clone};
    const std::uint64_t flags = road == clone          ? SIGCHLD
                                : road == clone_parent ? CLONE_PARENT | SIGCHLD
                                : road == new_space    ? CLONE_NEWPID | SIGCHLD
                                                       : 0x7ffd0000;
    // Sometimes the caller is put off the processor before its record is out, and the child runs far ahead.
    const auto delay = chance(0.1) ? between(1'000'000, 60'000'000) : between(1'000, 50'000);
    caller.busy = true;
    audit_event(caller, entered, road == vfork ? -1 : now_ + delay, calls[road], returned, flags, "");
    if (road == vfork) {
        held_[pid] = later_.top();  // audit_event left it on top of the queue with the time -1
        later_.pop();
    } else {
        later_.push({now_ + delay, ++order_, Later::What::unblock, "", caller.pid});
    }
}

void World::release_parent_of(Task& task) {
    const auto held = held_.find(task.pid);
    if (held == held_.end()) return;
    Later record = held->second;
    held_.erase(held);
    record.at_ns = now_ + between(1'000, 30'000);
    record.order = ++order_;
    later_.push(record);
    later_.push({record.at_ns, ++order_, Later::What::unblock, "", record.pid});
}

void World::do_thread(Task& task) {
    const auto entered = now_;
    now_ += between(2'000, 30'000);
    const model::Pid tid = take_pid();
    const auto pid = static_cast<std::uint32_t>(task.pid);
    connector_event(event_fork, {static_cast<std::uint32_t>(task.ppid), static_cast<std::uint32_t>(task.ppid),
                                 static_cast<std::uint32_t>(tid), pid});
    task.tids.push_back(tid);
    // glibc makes threads by clone3; by clone they are filtered out in the kernel.
    const auto returned = task.space == 0 ? tid : number_in(task.space);
    if (!chance(0.7) && task.space == 0) return;
    const auto emitted = now_ + between(1'000, 40'000);
    task.busy = true;
    audit_event(task, entered, emitted, sys_clone3, returned, 0x7ffd0000, "");
    later_.push({emitted, ++order_, Later::What::unblock, "", task.pid});
}

void World::do_thread_exit(Task& task) {
    if (task.tids.size() < 2) return;
    const auto which = static_cast<std::size_t>(between(0, static_cast<std::int64_t>(task.tids.size()) - 1));
    const auto tid = static_cast<std::uint32_t>(task.tids[which]);
    audit_event(task, now_, now_, sys_exit, 0, 0, "", false);
    settle(now_);
    now_ += between(1'000, 20'000);
    task.tids.erase(task.tids.begin() + static_cast<std::ptrdiff_t>(which));
    connector_event(event_exit, {tid, static_cast<std::uint32_t>(task.pid), 0, 17,
                                 static_cast<std::uint32_t>(task.ppid), static_cast<std::uint32_t>(task.ppid)});
    if (tid != static_cast<std::uint32_t>(task.pid))
        later_.push({now_, ++order_, Later::What::free_pid, "", static_cast<model::Pid>(tid)});
}

void World::do_exec(Task& task) {
    const auto entered = now_;
    now_ += between(20'000, 300'000);
    const auto pid = static_cast<std::uint32_t>(task.pid);
    if (chance(0.15)) {
        audit_event(task, entered, now_, sys_execve, -2, 0, "");
        settle(now_);
        return;
    }
    if (task.tids.size() > 1 || task.tids.front() != task.pid) {  // de_thread in fs/exec.c
        const auto caller = task.tids.back();
        for (const auto tid : task.tids)
            if (tid != caller || tid == task.pid) {
                if (tid == task.pid && caller == task.pid) continue;
                connector_event(event_exit,
                                {static_cast<std::uint32_t>(tid), pid, 0, 17, static_cast<std::uint32_t>(task.ppid),
                                 static_cast<std::uint32_t>(task.ppid)});
            }
        for (const auto tid : task.tids)
            if (tid != task.pid) later_.push({now_, ++order_, Later::What::free_pid, "", tid});
        task.tids = {task.pid};
    }
    connector_event(event_exec, {pid, pid});
    TrueLife& life = lives[static_cast<std::size_t>(task.life)];
    const auto count = life.images.size();
    life.images.push_back(
        {real(now_), fmt::format("/bin/x{}", serial_ % 7), {fmt::format("x{}", task.life), fmt::format("{}", count)}});
    audit_event(task, entered, now_ + between(1'000, 30'000), sys_execve, 0, 0,
                fmt::format("{} audit(STAMP): argc=2 a0=\"{}\" a1=\"{}\"\n{} audit(STAMP): cwd=\"/\"\n", AUDIT_EXECVE,
                            life.images.back().argv[0], life.images.back().argv[1], AUDIT_CWD));
    release_parent_of(task);
    settle(now_ + 30'000);
}

void World::do_setuid(Task& task) {
    const auto entered = now_;
    now_ += between(1'000, 20'000);
    TrueLife& life = lives[static_cast<std::size_t>(task.life)];
    life.uid = static_cast<std::uint32_t>(between(1000, 1010));
    connector_event(event_uid,
                    {static_cast<std::uint32_t>(task.pid), static_cast<std::uint32_t>(task.pid), life.uid, life.uid});
    audit_event(task, entered, now_ + 1'000, sys_setresuid, 0, life.uid, "");
    settle(now_ + 1'000);
}

void World::do_login(Task& task) {
    TrueLife& life = lives[static_cast<std::size_t>(task.life)];
    const auto old = life.auid;
    const auto old_ses = std::exchange(life.ses, ++last_session_);
    life.auid = static_cast<std::uint32_t>(between(2000, 2010));
    audit_event(task, now_, now_ + 1'000, sys_write, 4, 1,
                fmt::format("{} audit(STAMP): pid={} uid={} old-auid={} auid={} tty=(none) old-ses={} ses={} res=1\n",
                            AUDIT_LOGIN, task.pid, life.uid, old, life.auid, old_ses, life.ses));
    settle(now_ + 1'000);
}

bool World::takes_busy_along(const Task& task) const {
    if (task.space == 0 || task.own_number != 1) return false;
    return std::any_of(tasks_.begin(), tasks_.end(), [&](const auto& entry) {
        return entry.second.space == task.space && entry.second.busy && !entry.second.dead;
    });
}

void World::do_exit(Task& task) {
    if (takes_busy_along(task)) return;  // a call ends, and says so, before a signal is taken
    const int code = static_cast<int>(between(0, 255));
    const bool group = chance(0.85) || task.tids.size() > 1;
    audit_event(task, now_, now_, group ? sys_exit_group : sys_exit, 0, static_cast<std::uint64_t>(code), "", false);
    settle(now_);
    now_ += between(5'000, 100'000);
    lives[static_cast<std::size_t>(task.life)].code = code;
    die(task, code << 8);
}

void World::do_kill(Task& task) {
    if (takes_busy_along(task)) return;
    const int signals[] = {SIGKILL, SIGTERM, SIGSEGV, SIGQUIT};
    const int signal = signals[between(0, 3)];
    if (signal == SIGSEGV) {
        audit_event(
            task, now_, now_, -1, 0, 0,
            fmt::format("{} audit(STAMP): auid={} uid={} gid=0 ses={} pid={} comm=\"t\" exe=\"/bin/t\" sig=11 res=1\n",
                        AUDIT_ANOM_ABEND, lives[static_cast<std::size_t>(task.life)].auid,
                        lives[static_cast<std::size_t>(task.life)].uid, lives[static_cast<std::size_t>(task.life)].ses,
                        task.pid));
        settle(now_);
    }
    now_ += between(5'000, 100'000);
    lives[static_cast<std::size_t>(task.life)].signal = signal;
    die(task, signal);
}

void World::die(Task& task, int wait_status) {
    std::shuffle(task.tids.begin(), task.tids.end(), random_);
    for (const auto tid : task.tids)
        connector_event(event_exit, {static_cast<std::uint32_t>(tid), static_cast<std::uint32_t>(task.pid),
                                     static_cast<std::uint32_t>(wait_status), 17, static_cast<std::uint32_t>(task.ppid),
                                     static_cast<std::uint32_t>(task.ppid)});
    for (const auto tid : task.tids)
        if (tid != task.pid) later_.push({now_, ++order_, Later::What::free_pid, "", tid});
    lives[static_cast<std::size_t>(task.life)].ended_ns = real(now_);
    task.dead = true;
    release_parent_of(task);
    // A namespace's orphans go to its init, whose end takes all of them along (zap_pid_ns_processes).
    model::Pid reaper = 1;
    for (auto& [pid, other] : tasks_)
        if (task.space != 0 && other.space == task.space && other.own_number == 1 && !other.dead) reaper = pid;
    for (auto& [pid, child] : tasks_)
        if (child.ppid == task.pid && !child.dead) child.ppid = reaper;
    if (task.space != 0 && task.own_number == 1) {
        for (auto& [pid, member] : tasks_) {
            if (member.space != task.space || member.dead) continue;
            now_ += between(1'000, 20'000);
            lives[static_cast<std::size_t>(member.life)].signal = SIGKILL;
            die(member, SIGKILL);
        }
    }
    later_.push({now_ + between(1'000, 5'000'000), ++order_, Later::What::free_pid, "", task.pid});
}

void World::connector_event(std::uint32_t what, const std::vector<std::uint32_t>& fields) {
    if (!options_.connector) return;
    cn_msg message{};
    message.id = {CN_IDX_PROC, CN_VAL_PROC};
    const std::uint32_t cpu = static_cast<std::uint32_t>(between(0, 1));
    message.seq = connector_seq_[cpu]++;
    std::string event(sizeof(proc_event), '\0');
    const std::uint64_t stamp = static_cast<std::uint64_t>(now_);
    std::memcpy(event.data(), &what, 4);
    std::memcpy(event.data() + 4, &cpu, 4);
    std::memcpy(event.data() + 8, &stamp, 8);
    std::memcpy(event.data() + 16, fields.data(), fields.size() * 4);
    message.len = static_cast<std::uint16_t>(event.size());
    // What is lost before a cpu's first message no sequence tells, only the socket.
    if (chance(options_.drop) && message.seq != 0) {
        reconcile_at_ = std::min(reconcile_at_, now_ + between(0, 100'000'000));
        return;
    }
    std::string payload(reinterpret_cast<const char*>(&message), sizeof message);
    payload += event;
    put(model::Source::connector, 0, payload);
    if (chance(options_.duplicate)) put(model::Source::connector, 0, payload);
}

void World::audit_event(const Task& task, model::TimeNs entered_ns, model::TimeNs emitted_ns, int call,
                        std::int64_t result, std::uint64_t a0, const std::string& more, bool has_result) {
    const TrueLife& life = lives[static_cast<std::size_t>(task.life)];
    const auto stamp_ms = coarse(entered_ns) / 1'000'000;
    const auto stamp = fmt::format("{}.{:03}:SERIAL", stamp_ms / 1000, stamp_ms % 1000);
    const std::string exe = life.images.empty() ? "/bin/inherited" : life.images.back().exe;
    std::string text;
    if (call >= 0)
        text = fmt::format(
            "{} audit(STAMP): arch=c000003e syscall={}{} a0={:x} a1=58 a2=0 a3=0 items=0 ppid={} pid={} auid={} uid={} "
            "gid=0 euid={} suid={} "
            "fsuid={} egid=0 sgid=0 fsgid=0 tty=(none) ses={} comm=\"t\" exe=\"{}\" key=\"lineage\"\n",
            AUDIT_SYSCALL, call,
            has_result ? fmt::format(" success={} exit={}", result >= 0 ? "yes" : "no", result) : "", a0, task.ppid,
            task.pid, life.auid, life.uid, life.uid, life.uid, life.uid, life.ses, exe);
    text += more;
    if (call >= 0) text += fmt::format("{} audit(STAMP): proctitle=\"t\"\n", AUDIT_PROCTITLE);
    text += fmt::format("{} audit(STAMP): \n", AUDIT_EOE);
    for (std::size_t at = 0; (at = text.find("STAMP", at)) != std::string::npos;) text.replace(at, 5, stamp);
    later_.push({emitted_ns, ++order_, Later::What::record, text, task.pid});
}

void World::deliver_audit(bool all) {
    if (!options_.audit) {
        emitted_.clear();
        return;
    }
    if (!all && (now_ < deliver_at_ || emitted_.empty())) return;
    deliver_at_ = now_ + (chance(0.05) ? between(10'000'000, 400'000'000) : between(0, 3'000'000));
    // Records of one event keep their order; events interleave, displaced by a few records.
    std::vector<std::pair<double, std::string>> records;
    double position = 0;
    std::vector<std::string> kept;
    for (const auto& event : emitted_) {
        if (chance(options_.drop)) {
            ++lost_audit_events;
            std::string payload;
            lineage::base::Encoder out(payload);
            out.put(model::Witness::audit);
            out.put(real(delivered_ns_));
            out.put(real(now_));
            out.put(std::int64_t{1});
            out.put_bytes("sim");
            control(model::Control::lost, payload);
            continue;
        }
        kept.push_back(event);
        if (chance(options_.duplicate)) kept.push_back(event);
    }
    for (const auto& event : kept) {
        double at = position += 4;
        for (std::size_t from = 0; from < event.size();) {
            const auto newline = event.find('\n', from);
            at += std::uniform_real_distribution<>(0, 6)(random_);
            records.emplace_back(at, event.substr(from, newline - from));
            from = newline + 1;
        }
    }
    emitted_.clear();
    delivered_ns_ = now_;
    std::stable_sort(records.begin(), records.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    if (options_.connector) {
        std::string payload;
        lineage::base::Encoder out(payload);
        out.put(now_);
        control(model::Control::connector_drained, payload);
    }
    for (const auto& [at, record] : records) {
        const auto blank = record.find(' ');
        put(model::Source::audit, static_cast<std::uint16_t>(std::stoi(record.substr(0, blank))),
            record.substr(blank + 1));
    }
}

}  // namespace sim
