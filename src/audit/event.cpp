#include "event.hpp"

#include <libaudit.h>
#include <sched.h>
#include <sys/prctl.h>

#include <algorithm>

namespace lineage::audit {

namespace {

/// kill(-1) reaches everyone; how many that are, a hostile log may not say.
constexpr std::size_t targets_max = 65536;
constexpr std::uint64_t signal_max = 128;  // _NSIG of MIPS, the largest there is (arch/mips/include/uapi/asm/signal.h)

std::uint32_t uid_of(std::string_view value) {
    std::int64_t number = 0;
    if (!parse_decimal(value, number)) return model::unset_uid;
    return static_cast<std::uint32_t>(number);  // -1 is how old kernels wrote "unset"
}

model::Pid pid_of(std::string_view value, model::Pid otherwise) {
    std::int64_t number = 0;
    if (!parse_decimal(value, number) || number < 0 || number > INT32_MAX) return otherwise;
    return static_cast<model::Pid>(number);
}

/// "a12" or "a12[3]" (a part of a long argument); "argc" and "a12_len" are neither.
struct ArgumentName {
    std::uint32_t index = 0;
    std::uint32_t part = 0;
};
std::optional<ArgumentName> argument_name(std::string_view name) {
    if (name.size() < 2 || name.front() != 'a') return std::nullopt;
    name.remove_prefix(1);
    ArgumentName result;
    std::int64_t number = 0;
    const auto bracket = name.find('[');
    if (bracket != std::string_view::npos) {
        if (name.back() != ']') return std::nullopt;
        if (!parse_decimal(name.substr(bracket + 1, name.size() - bracket - 2), number) || number < 0 ||
            number > INT32_MAX)
            return std::nullopt;
        result.part = static_cast<std::uint32_t>(number);
        name = name.substr(0, bracket);
    }
    if (name.empty() || name.front() < '0' || name.front() > '9') return std::nullopt;
    if (!parse_decimal(name, number) || number > INT32_MAX) return std::nullopt;
    result.index = static_cast<std::uint32_t>(number);
    return result;
}

}  // namespace

Counter counter_of(std::uint16_t type) {
    return type >= AUDIT_FIRST_DAEMON && type <= AUDIT_LAST_DAEMON ? Counter::auditd : Counter::kernel;
}

Event::Event(RecordId id, Counter by) : id_(id) {
    task_.time_ns = id.time_ns;
    if (by == Counter::kernel) task_.serial = id.serial;
}

bool ends_event(std::uint16_t type) {
    return type == AUDIT_EOE || type == AUDIT_PROCTITLE || type == AUDIT_KERNEL ||
           (type >= AUDIT_FIRST_USER_MSG && type < AUDIT_FIRST_EVENT) || type >= AUDIT_FIRST_USER_MSG2;
}

bool may_stand_alone(std::uint16_t type) {
    const bool of_call = type >= AUDIT_SYSCALL && type <= AUDIT_PROCTITLE;  // include/uapi/linux/audit.h
    return !of_call || type == AUDIT_CONFIG_CHANGE || type == AUDIT_SECCOMP || type == AUDIT_NETFILTER_CFG;
}

void Event::absorb(std::uint16_t type, std::string_view fields, std::size_t bytes_max, model::TimeNs received_ns) {
    switch (type) {
        case AUDIT_SYSCALL:
        case AUDIT_LOGIN:
        case AUDIT_ANOM_ABEND:
            absorb_task(type, fields);
            break;
        case AUDIT_CONFIG_CHANGE:
            if (!change_) absorb_config_change(fields, received_ns);
            break;
        case AUDIT_EXECVE:
            if (execve_.size() + fields.size() < bytes_max) execve_.append(fields).push_back(' ');
            break;
        case AUDIT_CWD: {
            std::string_view name;
            std::string_view value;
            while (take_field(fields, name, value))
                if (name == "cwd") cwd_ = decode_untrusted(value);
            break;
        }
        case AUDIT_PATH: {
            std::string_view name;
            std::string_view value;
            std::int64_t number = 0;
            if (fields.substr(0, 7) != "item=0 " || !path_.empty()) break;
            while (take_field(fields, name, value)) {
                if (name == "name") path_ = decode_untrusted(value);
                if (name == "inode" && parse_decimal(value, number)) path_inode_ = static_cast<std::uint64_t>(number);
                if (name != "dev") continue;
                path_without_disk_ = value.substr(0, 3) == "00:";
                break;
            }
            break;
        }
        case AUDIT_OBJ_PID: {
            std::string_view name;
            std::string_view value;
            while (targets_.size() < targets_max && take_field(fields, name, value))
                if (name == "opid") targets_.push_back(pid_of(value, 0));
            break;
        }
        default:
            if (!has_task_ && task_.pid == 0 && !goes_with_call(type)) absorb_name(fields);
            break;
    }
}

/// "pid=77 uid=0 auid=1000 ses=3 msg='...'", "avc:  denied  { read } for  pid=42 comm=...".
void Event::absorb_name(std::string_view fields) {
    std::string_view name;
    std::string_view value;
    model::Login login;
    bool told = false;
    // What user space was told stands behind msg=.
    while (take_field(fields, name, value) && name != "msg") {
        if (name == "pid" && task_.pid == 0) task_.pid = pid_of(value, 0);
        if (name == "auid") login.auid = uid_of(value);
        if (name == "ses") login.ses = uid_of(value), told = true;
    }
    if (told && task_.pid != 0) task_.login = login;
}

/// "auid=0 ses=1 op=remove_rule key="lineage" list=4 res=1", or "op=set audit_enabled=0 old=1 auid=0 ses=1 res=1"; up
/// to Linux 4.20 without op=set.
void Event::absorb_config_change(std::string_view fields, model::TimeNs received_ns) {
    using What = model::AuditConfigChange::What;
    auto& change = change_.emplace();
    change.received_ns = received_ns;
    std::string_view name;
    std::string_view value;
    std::int64_t number = 0;
    while (take_field(fields, name, value)) {
        if (name == "auid") {
            change.auid = uid_of(value);
        } else if (name == "ses") {
            change.ses = uid_of(value);
        } else if (name == "op" && value == "add_rule") {
            change.what = What::rule_added;
        } else if (name == "op" && value == "remove_rule") {
            change.what = What::rule_removed;
        } else if (name == "key") {
            change.name = decode_untrusted(value);
        } else if (name == "list" && parse_decimal(value, number) && number >= 0 && number < AUDIT_NR_FILTERS) {
            change.list = static_cast<std::uint32_t>(number);
        } else if (name == "res") {
            change.success = value == "1";
        } else if (name.substr(0, 6) == "audit_" || name == "lost") {
            change.what = What::setting;
            change.name = name;
            if (parse_decimal(value, number)) change.value = number;
        } else if (name == "old" && parse_decimal(value, number)) {
            change.old = number;
        }
    }
}

void Event::absorb_task(std::uint16_t type, std::string_view fields) {
    // LOGIN and ANOM_ABEND often share their event with a SYSCALL record, which says more of the task.
    const bool fill = type == AUDIT_SYSCALL || !has_call_;
    model::Credentials who;
    model::Login before;
    bool whole = false;
    bool told = false;
    bool told_before = false;
    bool failed = false;
    std::string_view name;
    std::string_view value;
    std::int64_t number = 0;
    std::uint64_t hex = 0;
    while (take_field(fields, name, value)) {
        if (name == "auid") {
            who.auid = uid_of(value);
        } else if (name == "ses") {
            who.ses = uid_of(value);
            told = true;
        } else if (type == AUDIT_LOGIN && name == "old-auid") {
            before.auid = uid_of(value);
        } else if (type == AUDIT_LOGIN && name == "old-ses") {
            before.ses = uid_of(value);
            told_before = true;
        } else if (type == AUDIT_LOGIN && name == "res") {
            failed = value == "0";
        } else if (name == "sig" && parse_decimal(value, number)) {
            signal_ = static_cast<std::int32_t>(number);
        } else if (!fill) {
            continue;
        } else if (name == "pid") {
            task_.pid = pid_of(value, 0);
        } else if (name == "ppid") {
            task_.ppid = pid_of(value, -1);
        } else if (name == "uid") {
            who.uid = uid_of(value);
        } else if (name == "gid") {
            who.gid = uid_of(value);
        } else if (name == "euid") {
            who.euid = uid_of(value);
            whole = true;
        } else if (name == "egid") {
            who.egid = uid_of(value);
        } else if (name == "tty") {
            who.tty = decode_untrusted(value);
        } else if (name == "comm") {
            task_.comm = decode_untrusted(value);
        } else if (name == "exe") {
            task_.exe = decode_untrusted(value);
        } else if (type != AUDIT_SYSCALL) {
            continue;
        } else if (name == "arch" && parse_hex(value, hex)) {
            call_.arch = static_cast<std::uint32_t>(hex);
        } else if (name == "syscall" && parse_decimal(value, number)) {
            call_.call = call_of(call_.arch, number);
        } else if (name == "success") {
            call_.success = value == "yes";
        } else if (name == "exit" && parse_decimal(value, number)) {
            call_.result = number;
        } else if (name == "a0" && parse_hex(value, hex)) {
            call_.args[0] = hex;
        } else if (name == "a1" && parse_hex(value, hex)) {
            call_.args[1] = hex;
        } else if (name == "a2" && parse_hex(value, hex)) {
            call_.args[2] = hex;
        } else if (name == "key") {
            key_ = decode_untrusted(value);
        }
    }
    has_call_ = has_call_ || type == AUDIT_SYSCALL;
    const model::Login now{who.auid, who.ses};
    if (type == AUDIT_LOGIN) set_ = now;
    if (type != AUDIT_SYSCALL && !failed) special_ = type;
    if (type == AUDIT_LOGIN && told_before) task_.login = before;
    if (type == AUDIT_ANOM_ABEND && told) task_.login = now;
    if (!fill) return;
    has_task_ = true;
    if (task_.ppid == 0 && task_.pid > 2) task_.ppid = -1;  // its parent was just being reaped (task_ppid_nr)
    if (whole && type == AUDIT_SYSCALL) task_.credentials = std::move(who);
}

std::vector<std::string> Event::arguments() const {
    struct Part {
        ArgumentName name;
        std::string_view value;
    };
    std::vector<Part> parts;
    std::string_view rest = execve_;
    std::string_view name;
    std::string_view value;
    while (take_field(rest, name, value))
        if (const auto argument = argument_name(name)) parts.push_back({*argument, value});
    const auto before = [](const Part& a, const Part& b) {
        return std::pair(a.name.index, a.name.part) < std::pair(b.name.index, b.name.part);
    };
    if (!std::is_sorted(parts.begin(), parts.end(), before)) std::stable_sort(parts.begin(), parts.end(), before);
    std::vector<std::string> argv;
    const Part* previous = nullptr;
    for (const Part& part : parts) {
        const bool same_argument = previous != nullptr && previous->name.index == part.name.index;
        if (!same_argument)
            argv.push_back(decode_untrusted(part.value));
        else if (previous->name.part != part.name.part)
            argv.back() += decode_untrusted(part.value);
        previous = &part;
    }
    return argv;
}

std::optional<model::Observation> Event::of_system_call() {
    switch (call_.call) {
        case Call::fork:
        case Call::vfork:
        case Call::clone:
        case Call::clone3: {
            if (!call_.success || call_.result <= 0 || call_.result > INT32_MAX) break;
            model::AuditFork fork{std::move(task_), model::How::fork, static_cast<model::Pid>(call_.result),
                                  std::nullopt};
            if (call_.call == Call::vfork) fork.how = model::How::vfork;
            if (call_.call == Call::clone3) fork.how = model::How::clone3;
            if (call_.call == Call::clone) {
                fork.how = model::How::clone;
                fork.flags = call_.args[clone_flags_argument(call_.arch)];
            }
            return fork;
        }
        case Call::execve:
        case Call::execveat: {
            model::AuditExec exec{std::move(task_), call_.success, 0, arguments(), std::move(cwd_), std::move(path_)};
            if (!call_.success) exec.error = static_cast<int>(std::clamp<std::int64_t>(-call_.result, 0, 4095));
            return exec;
        }
        case Call::exit:
        case Call::exit_group:
            return model::AuditExit{std::move(task_), static_cast<std::int32_t>(call_.args[0] & 0xff),
                                    call_.call == Call::exit_group};
        case Call::kill:
        case Call::tgkill: {
            const auto signal = call_.args[call_.call == Call::kill ? 1 : 2];
            if (!call_.success || targets_.empty() || signal == 0 || signal > signal_max) break;
            return model::AuditSignal{std::move(task_), static_cast<std::int32_t>(signal), std::move(targets_)};
        }
        case Call::open:
            if (auto opened = of_open()) return opened;
            break;
        case Call::unshare:
        case Call::setns:
        case Call::prctl:
        case Call::ptrace:
        case Call::other:
            break;
    }
    model::AuditStatement statement;
    statement.task = std::move(task_);
    if (call_.success) {
        statement.new_pid_namespace = call_.call == Call::unshare && (call_.args[0] & CLONE_NEWPID) != 0;
        statement.joined_pid_namespace =
            call_.call == Call::setns && (call_.args[1] == 0 || (call_.args[1] & CLONE_NEWPID) != 0);
        statement.subreaper =
            call_.call == Call::prctl && call_.args[0] == PR_SET_CHILD_SUBREAPER && call_.args[1] != 0;
        if (call_.call == Call::setns) statement.fd = static_cast<std::int32_t>(call_.args[0]);
    }
    return statement;
}

/// nullopt: it is no namespace's file.
std::optional<model::Observation> Event::of_open() {
    using Opened = model::AuditNamespaceOpened;
    // The initial namespaces' numbers and those given out later (proc_ns.h, PROC_DYNAMIC_FIRST in fs/proc/generic.c).
    constexpr std::uint64_t inode_min = 0xEFFFFFF0;
    const bool may_be = path_without_disk_ && path_inode_ >= inode_min && path_inode_ <= UINT32_MAX;
    if (!may_be || !call_.success || call_.result < 0 || call_.result > INT32_MAX) return std::nullopt;
    std::string_view rest = path_;
    const auto take_last = [&rest] {
        const auto slash = rest.rfind('/');
        const auto last = slash == rest.npos ? rest : rest.substr(slash + 1);
        rest = slash == rest.npos ? std::string_view() : rest.substr(0, slash);
        return last;
    };
    Opened opened{std::move(task_), static_cast<std::int32_t>(call_.result), path_inode_};
    const auto file = take_last();
    const bool in_ns = take_last() == "ns";
    if (!in_ns && path_.rfind("/proc/", 0) == 0) return std::nullopt;  // other files there have such inodes, too
    if (in_ns) opened.kind = Opened::Kind::other;
    if (in_ns && file == "pid") opened.kind = Opened::Kind::pid;
    if (in_ns && file == "pid_for_children") opened.kind = Opened::Kind::pid_for_children;
    const auto whose = take_last();
    if (whose == "self")
        opened.of = opened.task.pid;
    else
        opened.of = pid_of(whose, 0);
    return opened;
}

std::optional<model::Observation> Event::observation() {
    if (change_) {
        change_->task = std::move(task_);
        return std::move(*change_);
    }
    if (task_.pid <= 0) return std::nullopt;
    if (!has_task_) return model::AuditNamed{std::move(task_)};
    if (special_ == AUDIT_LOGIN) return model::AuditLogin{std::move(task_), set_};
    if (special_ == AUDIT_ANOM_ABEND) return model::AuditAbend{std::move(task_), signal_};
    return of_system_call();
}

void Event::keep(std::uint16_t type, std::string_view text, std::string_view line, std::size_t bytes_max) {
    if (type == AUDIT_SYSCALL) return verbatim_.add_call(call_.call, key_, text, line, bytes_max);
    verbatim_.add(type, text, line, bytes_max);
}

std::optional<model::AuditKept> Event::kept() {
    if (!verbatim_.kept()) return std::nullopt;
    model::AuditKept kept{{}, verbatim_.take()};
    kept.event.time_ns = id_.time_ns;
    kept.event.serial = id_.serial;
    kept.task.time_ns = task_.time_ns;
    kept.task.serial = task_.serial;
    kept.task.pid = task_.pid;
    return kept;
}

void Event::save(base::Encoder& out) const {
    out.put(id_.time_ns);
    out.put(id_.serial);
    out.put(has_call_);
    out.put(call_.call);
    out.put(call_.success);
    out.put(call_.result);
    out.put(call_.args[0]);
    out.put(call_.args[1]);
    out.put(call_.args[2]);
    out.put(call_.arch);
    out.put(special_);
    out.put(signal_);
    out.put(set_.auid);
    out.put(set_.ses);
    out.put(has_task_);
    out.put(task_.time_ns);
    out.put(task_.serial);
    out.put(task_.pid);
    out.put(task_.ppid);
    out.put(task_.credentials.has_value());
    const auto who = task_.credentials.value_or(model::Credentials{});
    out.put(task_.login.has_value());
    out.put(task_.login.value_or(model::Login{}).auid);
    out.put(task_.login.value_or(model::Login{}).ses);
    for (const auto number : {who.uid, who.gid, who.euid, who.egid, who.auid, who.ses}) out.put(number);
    for (const std::string& text : {who.tty, task_.comm, task_.exe, execve_, cwd_, path_}) out.put_bytes(text);
    out.put(path_inode_);
    out.put(path_without_disk_);
    out.put(static_cast<std::uint32_t>(targets_.size()));
    for (const auto pid : targets_) out.put(pid);
    out.put_bytes(key_);
    verbatim_.save(out);
    out.put(change_.has_value());
    if (!change_) return;
    out.put(change_->auid);
    out.put(change_->ses);
    out.put(change_->what);
    out.put(change_->list);
    out.put_bytes(change_->name);
    out.put(change_->value);
    out.put(change_->old);
    out.put(change_->success);
    out.put(change_->received_ns);
}

void Event::restore(base::Decoder& in) {
    in.get(id_.time_ns);
    in.get(id_.serial);
    in.get(has_call_);
    in.get(call_.call);
    in.get(call_.success);
    in.get(call_.result);
    in.get(call_.args[0]);
    in.get(call_.args[1]);
    in.get(call_.args[2]);
    in.get(call_.arch);
    in.get(special_);
    in.get(signal_);
    in.get(set_.auid);
    in.get(set_.ses);
    in.get(has_task_);
    in.get(task_.time_ns);
    in.get(task_.serial);
    in.get(task_.pid);
    in.get(task_.ppid);
    const bool has_credentials = in.get<bool>();
    const bool has_login = in.get<bool>();
    model::Login login;
    in.get(login.auid);
    in.get(login.ses);
    if (has_login) task_.login = login;
    model::Credentials who;
    for (auto* number : {&who.uid, &who.gid, &who.euid, &who.egid, &who.auid, &who.ses}) in.get(*number);
    for (auto* text : {&who.tty, &task_.comm, &task_.exe, &execve_, &cwd_, &path_}) *text = in.get_bytes();
    if (has_credentials) task_.credentials = std::move(who);
    in.get(path_inode_);
    in.get(path_without_disk_);
    const auto targets = in.get<std::uint32_t>();
    for (std::uint32_t i = 0; i < targets && in.ok(); ++i) targets_.push_back(in.get<model::Pid>());
    key_ = in.get_bytes();
    verbatim_.restore(in);
    if (!in.get<bool>()) return;
    auto& change = change_.emplace();
    in.get(change.auid);
    in.get(change.ses);
    in.get(change.what);
    in.get(change.list);
    change.name = in.get_bytes();
    in.get(change.value);
    in.get(change.old);
    change.success = in.get<bool>();
    in.get(change.received_ns);
}

}  // namespace lineage::audit
