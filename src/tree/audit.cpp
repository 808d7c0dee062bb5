// Audit's word: identity, images, exit codes. forks.cpp has what it says of births.
#include <algorithm>

#include "state.hpp"

namespace lineage::tree {

namespace {

constexpr std::size_t openers_max = 16384;  ///< numbers ascend: the oldest go first

}  // namespace

void Tracker::State::state(Life& life, const model::AuditHeader& task) {
    if (task.serial < life.stated_serial) return;
    model::Process& process = life.process;
    if (task.credentials) {
        life.stated = true;
        life.stated_serial = task.serial;
    }
    if (const auto login = task.acts_for()) {
        model::Credentials who = task.credentials.value_or(process.credentials);
        who.auid = login->auid;
        who.ses = login->ses;
        keep_ids(who, process.credentials, life.uids_ns > task.time_ns, life.gids_ns > task.time_ns);
        life.login_told = true;
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

bool Tracker::State::knows_image(const Life& life, const std::string& exe) {
    if (!life.images.empty()) return true;
    if (life.birth_known()) return true;  // and so is what it inherited, or will be
    if (life.process.image_owner == 0) return false;
    // It was not seen to be born, so it may have called execve since.
    const Life* const owner = population.find(life.inherited_owner);
    const auto seq = static_cast<std::size_t>(life.inherited_seq);
    return owner == nullptr || seq >= owner->images.size() || owner->images[seq].exe == exe;
}

bool Tracker::State::of_another_life(const Life& life, const model::AuditHeader& task) {
    if (connector_covers(task.time_ns)) return false;
    if (life.process.kernel_thread && task.ppid > 2) return true;  // those call nothing, and are kthreadd's
    if (life.birth_known() || task.serial < life.stated_serial) return false;
    // A session changes by a LOGIN record alone.
    const auto login = task.acts_for();
    if (life.login_told && login && login->ses != life.process.credentials.ses) return true;
    if (task.ppid <= 1 || task.ppid == life.process.ppid) return false;
    // A parent is older, who adopts as well.
    const Life* const parent = life_at(task.ppid, task.time_ns);
    const bool is_older = parent == nullptr || !parent->birth_known() || parent->from_ns() <= life.from_ns() + tick_ns;
    if (!is_older) return true;
    // Nobody is adopted but by init or an ancestor of his.
    if (!life.stated || life.parent_untold()) return false;
    for (const Life* up = life.parent; up != nullptr; up = up->parent) {
        if (up->process.pid == task.ppid) return false;
        if (up->process.pid <= 1) return true;
        // Of whom no record has told, nobody knows who is above.
        if (!up->stated || up->parent_untold()) break;
    }
    return parent != nullptr && parent->stated && parent->from_ns() > life.acted_ns;
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
    auto known = std::find_if(first, life.images.end(), untold);
    if (known == life.images.end()) known = std::find_if(life.images.begin(), life.images.end(), untold);
    model::Image* image = known == life.images.end() ? nullptr : &*known;
    if (image == nullptr) {
        model::Image unseen;
        unseen.time_ns = task.time_ns;
        unseen.serial = task.serial;
        image = &add_image(life, std::move(unseen));
    } else if (has(image->witnesses, model::Witness::connector)) {
        matched(life, task.serial, image->time_ns);
        image->serial = task.serial;
    } else {
        image = &stamp_image(life, image->seq, task);
    }
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
    // A thread that was on its way out by exit(2) does not change what another's exit_group has decided for all.
    if (!exit.group && life.alive() && life.has_exit_record && life.exit_is_group) return;
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
    if (statement.new_pid_namespace || statement.joined_pid_namespace) bear_children_elsewhere(life, statement);
    life.subreaper = life.subreaper || statement.subreaper;
}

void Tracker::State::on(model::AuditLogin&& login) {
    auto before = login.task;  // the session that it changes to tells nothing of whose it was
    before.credentials.reset();
    Life& life = life_of(before);
    state(life, login.task);
    life.login_told = true;
    life.process.credentials.auid = login.set.auid;
    life.process.credentials.ses = login.set.ses;
    population.touch(life);
    spread_credentials(life, login.task.time_ns);
    if (login.set.ses == model::unset_uid) return;
    openers[login.set.ses] = life.process.id;
    if (openers.size() > openers_max) openers.erase(openers.begin());
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
