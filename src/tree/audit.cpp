// Audit's word: identity, images, creation parents, exit codes.
#include <sched.h>

#include <algorithm>

#include "state.hpp"

namespace lineage::tree {

namespace {

constexpr std::size_t nameless_max = 256;

bool has_flag(const model::AuditFork& fork, std::uint64_t flag) {
    return fork.flags && (*fork.flags & flag) != 0;
}

/// Can a life that began at `born_ns`, as the connector says, be the child of a call that was entered at `call_ns`?
bool not_before(model::TimeNs born_ns, model::TimeNs call_ns) {
    return born_ns + clock_slack_ns >= call_ns;
}

}  // namespace

void Tracker::State::state(Life& life, const model::AuditHeader& task) {
    if (task.serial < life.stated_serial) return;
    life.stated_serial = task.serial;
    model::Process& process = life.process;
    if (task.credentials) {
        model::Credentials who = *task.credentials;
        keep_ids(who, process.credentials, life.uids_ns > task.time_ns, life.gids_ns > task.time_ns);
        life.stated = true;
        if (who != process.credentials) {
            process.credentials = std::move(who);
            population.touch(life);
            spread_credentials(life, task.time_ns);
        }
    }
    const bool after_guess =
        life.left_ppid >= 0 && task.ppid != life.left_ppid && task.time_ns + tick_ns >= life.ppid_ns;
    if (task.ppid >= 0 && (task.time_ns >= life.ppid_ns || after_guess) && task.ppid != process.ppid) {
        process.ppid = task.ppid;
        life.left_ppid = -1;
        population.touch(life);
    }
    // Where it is not known what it runs, the record at least names the file.
    name_image(life, task);
    if (!task.exe.empty() && !process.kernel_thread && !knows_image(life, task.exe)) {
        model::Image image;
        image.time_ns = life.from_ns();
        image.exe = task.exe;
        image.comm = task.comm;
        image.credentials = process.credentials;
        image.witnesses = only(model::Witness::audit);
        add_image(life, std::move(image));
        process.comm = task.comm;
    }
}

bool Tracker::State::lives_for_ever(model::Pid pid) const {
    const Life* const life = population.newest(pid);
    return pid <= 2 || (life != nullptr && life->alive() && life->process.kernel_thread);
}

bool Tracker::State::knows_image(const Life& life, const std::string& exe) {
    if (!life.images.empty()) return true;
    if (life.birth_known()) return true;  // and so is what it inherited, or will be
    if (life.process.image_owner == 0) return false;
    // It was not seen to be born, so it may have called execve since.
    const Life* const owner = population.find(life.inherited_owner);
    const auto seq = static_cast<std::size_t>(life.inherited_seq);
    return owner == nullptr || seq >= owner->images.size() || owner->images[seq].exe == exe;
}

void Tracker::State::on(model::AuditFork&& fork) {
    Life& caller = life_of(fork.task, [&](const Life& life) {
        const auto until_ns = life.alive() ? INT64_MAX : life.process.ended->time_ns;
        for (const Life* child : population.lives(fork.returned))
            if (!child->claimed() && not_before(child->from_ns(), fork.task.time_ns))
                return life.from_ns() <= child->from_ns() && child->from_ns() <= until_ns;
        return true;
    });
    state(caller, fork.task);
    if (has_flag(fork, CLONE_THREAD)) return;
    const auto time_ns = fork.task.time_ns;
    // Who lives at the same time has another pid, so it is another namespace's number.
    const bool taken = fork.returned == fork.task.pid || fork.returned == fork.task.ppid;
    if (taken && caller.space == 0 && !connector_covers(time_ns)) {
        enter_space({&caller}, new_space(0));
        ask(caller.process.pid);
    }
    Birth birth = caller.space != 0 ? birth_by_number(caller, fork) : birth_by_pid(caller, fork);
    if (birth.child != nullptr && caller.space == 0) caller.space_known = true;
    if (birth.none() && connector_covers(time_ns) && caller.space == 0) {
        // The connector knows every birth, and none has the pid that the caller was told: it lives in a namespace
        // that clone3 made for it.
        if (caller.space_known) return;
        birth = birth_by_number(caller, fork);
        if (birth.none()) return;
        const auto born_ns = birth.child != nullptr
                                 ? birth.child->from_ns()
                                 : caller.thread_births[static_cast<std::size_t>(birth.thread)].time_ns;
        enter_space({&init_of_space(caller, born_ns, fork.returned)}, new_space(0));
        ask(caller.process.pid);
    }
    if (birth.thread >= 0) {
        matched(caller, fork.task.serial, caller.thread_births[static_cast<std::size_t>(birth.thread)].time_ns);
        caller.thread_births.erase(caller.thread_births.begin() + birth.thread);
        return;
    }
    Life* child = birth.child;
    if (child == nullptr && caller.space == 0 && lives_for_ever(fork.returned)) {
        enter_space({&caller}, new_space(0));  // nobody else gets that pid, so it is another namespace's number
        ask(caller.process.pid);
    }
    if (child == nullptr && caller.space != 0) {
        if (caller.nameless.size() < nameless_max)
            caller.nameless.push_back({time_ns, fork.task.serial, fork.returned, fork.how});
        return;
    }
    if (child == nullptr) {
        child = &begin_life(fork.returned, time_ns);
        const bool told = !child->images.empty() || !child->alive() || child->first_child != nullptr;
        if (fork.how == model::How::clone3 && !told) {
            child->phantom = true;
            ++caller.possible_threads;
            population.bury(*child);
        }
    }
    claim(*child, caller, fork);
    end_if_overlooked(*child);
}

Tracker::State::Birth Tracker::State::birth_by_pid(const Life& caller, const model::AuditFork& fork) {
    const auto time_ns = fork.task.time_ns;
    Birth birth;
    const bool covered = connector_covers(time_ns);
    const auto fits = [&](const Life& life) {
        if (life.claimed() || &life == &caller) return false;
        const auto from_ns = life.from_ns();
        if (has(life.process.born.witnesses, model::Witness::connector)) {
            // With CLONE_PARENT the kernel's parent is the caller's, of which there may have been several.
            const auto parent = life.kernel_parent;
            const bool related = parent == caller.process.pid || parent == fork.task.ppid ||
                                 parent == caller.process.ppid || parent == caller.kernel_parent;
            return related && not_before(from_ns, time_ns);
        }
        if (life.birth_known()) return std::abs(from_ns - time_ns) <= start_time_step_ns + tick_ns;
        return !covered && from_ns >= time_ns;
    };
    const auto& lives = population.lives(fork.returned);
    const auto child = std::find_if(lives.begin(), lives.end(), [&](const Life* life) { return fits(*life); });
    if (child != lives.end()) birth.child = *child;
    if (fork.how != model::How::clone3) return birth;
    for (std::size_t i = 0; i < caller.thread_births.size() && birth.thread < 0; ++i) {
        const ThreadBirth& thread = caller.thread_births[i];
        if (thread.tid != fork.returned || !not_before(thread.time_ns, time_ns)) continue;
        if (birth.child == nullptr || thread.time_ns < birth.child->from_ns()) birth = {nullptr, static_cast<int>(i)};
    }
    return birth;
}

Tracker::State::Birth Tracker::State::birth_by_number(Life& caller, const model::AuditFork& fork) {
    const auto time_ns = fork.task.time_ns;
    const bool covered = connector_covers(time_ns);
    // The call lies between the facts that the caller's records told before and those that they have yet to tell.
    const bool single = caller.tids.size() <= 1;
    const auto since_ns = single ? std::max(time_ns - clock_slack_ns, caller.exact_ns) : time_ns - clock_slack_ns;
    const auto until_ns = single ? next_untold_ns(caller, since_ns) : INT64_MAX;
    Birth foretold;
    Birth first;
    model::TimeNs first_ns = 0;
    const auto consider = [&](Birth birth, model::TimeNs from_ns, model::Pid number) {
        if (from_ns < since_ns || from_ns > until_ns) return;
        if (foretold.none() && caller.space != 0 && number == fork.returned) foretold = birth;
        if (!first.none() && first_ns <= from_ns) return;
        first = birth;
        first_ns = from_ns;
    };
    const auto consider_children = [&](Life& parent) {
        for (Life* child = parent.first_child; child != nullptr; child = child->next_sibling) {
            if (child->from_ns() + 1'000'000'000 < time_ns) break;  // newest first
            if (child->claimed() || child == &caller) continue;
            if (covered && !has(child->process.born.witnesses, model::Witness::connector)) continue;
            consider({child, -1}, child->from_ns(), child->space == caller.space ? child->number : 0);
        }
    };
    const bool by_parent = has_flag(fork, CLONE_PARENT);
    const bool clone3 = fork.how == model::How::clone3;
    if (!by_parent) consider_children(caller);
    for (std::size_t i = 0; clone3 && i < caller.thread_births.size(); ++i) {
        const ThreadBirth& thread = caller.thread_births[i];
        consider({nullptr, static_cast<int>(i)}, thread.time_ns, thread.number);
    }
    // clone3 may have had CLONE_PARENT: when the number says so, or the caller itself bore nobody meanwhile.
    const bool maybe_by_parent = clone3 && covered && foretold.none() && caller.space != 0;
    if (!by_parent && !maybe_by_parent) return foretold.none() ? first : foretold;
    const Birth own = first;
    if (Life* kernel_parent = life_at(fork.task.ppid, time_ns)) consider_children(*kernel_parent);
    if (!foretold.none()) return foretold;
    return own.none() ? first : own;
}

model::TimeNs Tracker::State::next_untold_ns(const Life& life, model::TimeNs since_ns) {
    auto next_ns = life.alive() ? std::numeric_limits<model::TimeNs>::max() : life.process.ended->time_ns;
    for (const model::Image& image : life.images)
        if (image.time_ns > since_ns && !has(image.witnesses, model::Witness::audit))
            next_ns = std::min(next_ns, image.time_ns);
    return next_ns;
}

void Tracker::State::claim(Life& child, Life& caller, const model::AuditFork& fork) {
    model::Process& process = child.process;
    const bool timed = has(process.born.witnesses, model::Witness::connector);
    if (timed) matched(caller, fork.task.serial, process.born.time_ns);
    process.born.serial = fork.task.serial;
    process.born.how = fork.how;
    process.born.witnesses = process.born.witnesses | model::Witness::audit;
    if (!timed) {
        process.born.time_ns = fork.task.time_ns;
        keep_apart(child);
    }
    if (process.inferred != model::Inferred::exit_of_thread) process.inferred = model::Inferred::no;
    if (may_link(child, caller)) population.link(child, caller);
    if (!child.stated && fork.task.credentials) {
        const model::Credentials since_birth = process.credentials;
        process.credentials = *fork.task.credentials;
        keep_ids(process.credentials, since_birth, child.uids_ns != 0, child.gids_ns != 0);
        spread_credentials(child, child.from_ns());
    }
    if (!timed && !child.stated) process.ppid = has_flag(fork, CLONE_PARENT) ? fork.task.ppid : fork.task.pid;
    drop_guess(child);
    if (child.comm_ns == 0 && child.images.empty()) process.comm = fork.task.comm;
    inherit_image(child, caller);
    place_in_space(child, caller, fork);
    population.touch(child);
}

void Tracker::State::place_in_space(Life& child, const Life& caller, const model::AuditFork& fork) {
    const auto home = space_for_children(caller);
    const bool flags_known = fork.how != model::How::clone3;
    if (caller.space_known && caller.children_space == 0 && flags_known && !has_flag(fork, CLONE_NEWPID))
        child.space_known = true;
    if (has_flag(fork, CLONE_NEWPID)) {
        if (child.space == home) enter_space({&child}, new_space(home));
    } else if (child.space != home && child.space == 0) {
        enter_space({&child}, home);
    }
    // clone3 may have made a namespace for it; posix_spawn, which never does, lets the child call execve first.
    if (!flags_known && child.images.empty() && child.alive()) ask(child.process.pid);
    if (child.space == 0) return;
    if (child.space == caller.space)
        confirm_number(child, fork.returned);
    else if (!has_flag(fork, CLONE_NEWPID) && child.alive())
        ask(child.process.pid);
}

void Tracker::State::adopt_nameless(Life& child, Life& caller) {
    auto& forks = caller.nameless;
    const auto fork = std::find_if(forks.begin(), forks.end(),
                                   [&](const NamelessFork& one) { return one.time_ns <= child.from_ns(); });
    if (fork == forks.end()) return;
    model::AuditFork known;
    known.task.pid = caller.process.pid;
    known.task.time_ns = fork->time_ns;
    known.task.serial = fork->serial;
    known.task.comm = caller.process.comm;
    known.task.credentials = caller.process.credentials;
    known.how = fork->how;
    known.returned = fork->returned;
    forks.erase(fork);
    claim(child, caller, known);
}

void Tracker::State::on(model::AuditExec&& exec) {
    const auto& task = exec.task;
    const auto untold = [&](const model::Image& one) {
        const bool from_procfs = one.witnesses == only(model::Witness::procfs) && one.argv == exec.argv;
        if (from_procfs) return true;
        return has(one.witnesses, model::Witness::connector) && !has(one.witnesses, model::Witness::audit) &&
               not_before(one.time_ns, task.time_ns);
    };
    Life& life = life_of(task, [&](const Life& one) {
        return !exec.success || std::any_of(one.images.begin(), one.images.end(), untold);
    });
    if (!exec.success) {
        state(life, exec.task);
        add_attempt(life, std::move(exec));
        return;
    }
    drop_search(life, exec.path, task.serial);
    // Of a helper's first image it speaks only where it can be no other.
    const auto first = life.images.begin() + (life.by_kernel && !life.images.empty() ? 1 : 0);
    auto image = std::find_if(first, life.images.end(), untold);
    if (image == life.images.end()) image = std::find_if(life.images.begin(), life.images.end(), untold);
    if (image == life.images.end()) {
        model::Image unseen;
        unseen.time_ns = task.time_ns;
        unseen.serial = task.serial;
        const auto seq = add_image(life, std::move(unseen)).seq;
        image = life.images.begin() + seq;
    }
    if (has(image->witnesses, model::Witness::connector))
        matched(life, task.serial, image->time_ns);
    else
        image->time_ns = task.time_ns;
    image->serial = task.serial;
    image->exe = task.exe;
    image->script = exec.path == task.exe ? std::string() : std::move(exec.path);
    image->comm = task.comm;
    image->cwd = std::move(exec.cwd);
    image->argv = std::move(exec.argv);
    image->witnesses = image->witnesses | model::Witness::audit;
    if (task.credentials) image->credentials = *task.credentials;
    population.touch_image(life, image->seq);
    state(life, task);
    life.process.kernel_thread = false;
    if (task.time_ns >= life.comm_ns && image->seq == life.images.back().seq) life.process.comm = task.comm;
    life.possible_threads = 0;
}

void Tracker::State::on(model::AuditExit&& exit) {
    Life& life = life_of(exit.task, [&](const Life& one) {
        if (!exit.group || one.alive()) return true;
        return !(one.has_exit_record && one.exit_is_group) && one.process.ended->code == exit.code;
    });
    state(life, exit.task);
    life.has_exit_record = true;
    life.exit_is_group = exit.group;
    life.exit_ns = exit.task.time_ns;
    life.exit_serial = exit.task.serial;
    life.exit_code = exit.code;
    model::End end;
    end.time_ns = exit.task.time_ns;
    end.serial = exit.task.serial;
    end.code = exit.code;
    end.witnesses = only(model::Witness::audit);
    if (!life.alive() && has(life.process.ended->witnesses, model::Witness::connector)) {
        if (!life.process.ended->code || (!exit.group && life.process.ended->code != exit.code)) return;
        life.process.ended->code = exit.code;  // with several threads the last to end may have had a code of its own
        life.process.ended->serial = exit.task.serial;
        life.process.ended->witnesses = life.process.ended->witnesses | model::Witness::audit;
        population.touch(life);
    } else if (connector_covers(exit.task.time_ns)) {
        return;  // its own word on the death is coming
    } else if (exit.group) {
        this->end(life, end);
    } else if (life.tids.size() <= 1) {
        // A thread's end in glibc is exit(0) (start_thread in nptl/pthread_create.c).
        if (life.possible_threads > 0 && exit.code == 0) {
            --life.possible_threads;
            return;
        }
        if (life.process.inferred == model::Inferred::no) life.process.inferred = model::Inferred::exit_of_thread;
        this->end(life, end);
    }
}

void Tracker::State::on(model::AuditStatement&& statement) {
    Life& life = life_of(statement.task);
    state(life, statement.task);
    if (statement.new_pid_namespace || statement.joined_pid_namespace) {
        life.children_space = new_space(life.space);
        if (statement.joined_pid_namespace) spaces.back().last = space_uncounted;
        std::vector<Life*> since;
        for (Life* child = life.first_child; child != nullptr; child = child->next_sibling)
            if (child->from_ns() >= statement.task.time_ns && child->space == life.space) since.push_back(child);
        enter_space(since, life.children_space);
        if (statement.joined_pid_namespace)
            for (const Life* child : since) ask(child->process.pid);
    }
    life.subreaper = life.subreaper || statement.subreaper;
}

void Tracker::State::on(model::AuditLogin&& login) {
    Life& life = life_of(login.task);
    state(life, login.task);
    life.process.credentials.auid = login.auid;
    life.process.credentials.ses = login.ses;
    population.touch(life);
    spread_credentials(life, login.task.time_ns);
}

void Tracker::State::on(model::AuditAbend&& abend) {
    Life& life = life_of(abend.task);
    state(life, abend.task);
    if (life.alive()) {
        model::End end;
        end.time_ns = abend.task.time_ns;
        end.serial = abend.task.serial;
        end.signal = abend.signal;
        end.witnesses = only(model::Witness::audit);
        this->end(life, end);
    } else if (life.process.ended->signal == abend.signal) {
        life.process.ended->serial = abend.task.serial;
        life.process.ended->witnesses = life.process.ended->witnesses | model::Witness::audit;
        population.touch(life);
    }
}

}  // namespace lineage::tree
