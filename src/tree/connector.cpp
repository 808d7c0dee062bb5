// The connector's word: structure and death. Its events arrive in causal order, so the newest life of a pid is the one.
#include <sys/wait.h>

#include <algorithm>
#include <utility>

#include "state.hpp"

namespace lineage::tree {

namespace {

constexpr std::size_t thread_births_max = 256;

/// Is `life`, which the connector has not told of, the one whose birth it now tells?
bool awaits_birth(const Life& life, model::TimeNs born_ns) {
    const bool told_by_connector = has(life.process.born.witnesses, model::Witness::connector);
    // Told again: what know() was given may overlap with what follows. A pid may be another's some 20 us later.
    if (told_by_connector) return std::abs(life.process.born.time_ns - born_ns) <= 1'000;
    if (!life.alive() && life.process.ended->time_ns + tick_ns < born_ns) return false;
    if (!life.birth_known()) return life.first_seen_ns >= born_ns - tick_ns;
    const auto early_ns = born_ns - life.process.born.time_ns;
    // The call may have been entered long before the birth, but nobody acts before he is born.
    if (life.claimed())
        return early_ns >= -clock_slack_ns && early_ns < 1'000'000'000 && life.acted_ns >= born_ns - tick_ns;
    return std::abs(early_ns) <= start_time_step_ns + clock_slack_ns;
}

}  // namespace

Life& Tracker::State::task_of_connector(model::Pid tgid, model::TimeNs time_ns) {
    advance(time_ns);
    if (tgid <= 0) return *root;
    Life* const life = population.newest(tgid);
    const bool gone =
        life != nullptr && !life->alive() && has(life->process.ended->witnesses, model::Witness::connector);
    if (life != nullptr && !gone) {
        speak_for(*life);
        life->acted_ns = std::min(life->acted_ns, time_ns);
        return *life;
    }
    ask(tgid);
    Life& unknown = make_provisional({time_ns, 0, tgid});
    unknown.acted_ns = time_ns;
    return unknown;
}

void Tracker::State::on(model::ConnectorFork&& fork) {
    if (fork.child_tgid <= 0 || fork.child_tid <= 0) return;  // a hostile journal's: nobody is born as pid 0
    const auto time_ns = real(fork.time_ns);
    if (fork.child_tid != fork.child_tgid) {
        Life& life = task_of_connector(fork.child_tgid, time_ns);
        if (life.tids.empty()) life.tids.push_back(life.process.pid);
        life.tids.push_back(fork.child_tid);
        if (life.thread_births.size() >= thread_births_max) life.thread_births.erase(life.thread_births.begin());
        life.thread_births.push_back({time_ns, fork.child_tid});
        take_numbers(life.space, {time_ns, life.process.id, fork.child_tid});
        return;
    }
    Life& parent = task_of_connector(fork.parent_tgid, time_ns);
    Life* life = population.newest(fork.child_tgid);
    if (life == nullptr || !awaits_birth(*life, time_ns)) life = &begin_life(fork.child_tgid, time_ns);
    speak_for(*life);
    model::Process& process = life->process;
    process.born.time_ns = time_ns;
    process.born.witnesses = process.born.witnesses | model::Witness::connector;
    keep_apart(*life);
    life->kernel_parent = fork.parent_tgid;
    life->exact_ns = std::max(life->exact_ns, time_ns);
    life->tids = {fork.child_tid};
    if (!life->stated) {
        process.ppid = fork.parent_tgid;
        life->ppid_ns = time_ns;
    }
    if (parent.process.kernel_thread && parent.process.pid != 0) {
        process.kernel_thread = life->images.empty();
        process.born.how = model::How::kernel;
    }
    if (!life->claimed() && may_link(*life, parent)) {
        process.inferred = model::Inferred::no;
        link(*life, parent);
        inherit(*life, parent);
        adopt_nameless(*life, parent);
    }
    if (life->space != 0 && life->number == 0) take_numbers(life->space, {time_ns, process.id});
    if (life->space != 0 && (!audit_up || life->space != parent.space)) ask(process.pid);
    population.touch(*life);
}

void Tracker::State::on(model::ConnectorExec&& exec) {
    if (exec.tgid <= 0) return;
    const auto time_ns = real(exec.time_ns);
    Life& life = task_of_connector(exec.tgid, time_ns);
    life.tids = {exec.tgid};
    model::Image image;
    image.time_ns = time_ns;
    image.comm = life.process.comm;
    image.credentials = life.process.credentials;
    image.witnesses = only(model::Witness::connector);
    add_image(life, std::move(image));
    // A helper's first image is the kernel's doing (kernel_execve in fs/exec.c), which is no system call.
    const bool by_kernel = std::exchange(life.process.kernel_thread, false);
    life.by_kernel = life.by_kernel || by_kernel;
    // A task that was there before audit was first enabled has no audit context (audit_alloc in kernel/auditsc.c).
    const bool born_since = has(life.process.born.witnesses, model::Witness::connector);
    const bool audit_will_tell = audit_up && !by_kernel && (born_since || life.claimed() || life.stated_serial != 0);
    if (!audit_will_tell) ask(exec.tgid);
}

void Tracker::State::on(model::ConnectorId&& change) {
    if (change.tgid <= 0) return;
    const auto time_ns = real(change.time_ns);
    Life& life = task_of_connector(change.tgid, time_ns);
    if (change.tid != change.tgid) return;  // credentials are a thread's own; the leader's stand for the process
    model::Credentials& who = life.process.credentials;
    (change.group ? who.gid : who.uid) = change.real;
    (change.group ? who.egid : who.euid) = change.effective;
    (change.group ? life.gids_ns : life.uids_ns) = time_ns;
    population.touch(life);
}

void Tracker::State::on(model::ConnectorComm&& change) {
    if (change.tgid <= 0) return;
    const auto time_ns = real(change.time_ns);
    Life& life = task_of_connector(change.tgid, time_ns);
    if (change.tid != change.tgid) return;
    life.process.comm = std::move(change.comm);
    life.comm_ns = time_ns;
    population.touch(life);
}

void Tracker::State::on(model::ConnectorCoredump&& dump) {
    advance(real(dump.time_ns));
}

void Tracker::State::on(model::ConnectorExit&& exit) {
    if (exit.tgid <= 0) return;
    const auto time_ns = real(exit.time_ns);
    advance(time_ns);
    if (in_snapshot) exits_in_snapshot.push_back({time_ns, exit.tid});
    Life* known = population.newest(exit.tgid);
    if (known == nullptr && exit.tid != exit.tgid) return;
    Life& life = known != nullptr ? *known : make_provisional({time_ns, 0, exit.tgid, exit.parent_tgid});
    speak_for(life);
    // A process has ended when its last thread has, and that one's status is the process's (synchronize_group_exit and
    // do_group_exit in kernel/exit.c) unless it was on its way out by exit(2) already when exit_group or a signal came.
    // Where the threads are not known the leader stands for all until another ends.
    if (WIFSIGNALED(static_cast<int>(exit.wait_status)) && life.alive()) {
        life.has_signal = true;
        life.signal_status = exit.wait_status;
    }
    const bool threads_known = !life.tids.empty();
    std::erase(life.tids, exit.tid);
    if (!life.tids.empty()) return;
    if (!threads_known && exit.tid != exit.tgid && life.alive()) return;
    model::End end;
    end.time_ns = time_ns;
    const int status = static_cast<int>(life.has_signal ? life.signal_status : exit.wait_status);
    if (WIFSIGNALED(status)) {
        end.signal = WTERMSIG(status);
        end.core_dumped = WCOREDUMP(status);
    } else {
        end.code = life.has_exit_record && life.exit_is_group ? life.exit_code : WEXITSTATUS(status);
    }
    end.witnesses = only(model::Witness::connector);
    if (!life.alive() && life.process.ended->signal && life.process.ended->signal == end.signal)
        end.serial = life.process.ended->serial;  // ANOM_ABEND told it first
    if (life.has_exit_record && end.code == life.exit_code) end.serial = life.exit_serial;
    if (end.serial != 0) end.witnesses = end.witnesses | model::Witness::audit;
    if (life.process.inferred == model::Inferred::exit_of_thread) life.process.inferred = model::Inferred::no;
    if (exit.parent_tgid > 0) {
        life.process.ppid = exit.parent_tgid;
        life.ppid_ns = time_ns;
    }
    this->end(life, end);
}

}  // namespace lineage::tree
