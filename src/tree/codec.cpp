// The saved form of a life: every field, in the order of the struct.
#include "population.hpp"

namespace lineage::tree {

namespace {

using base::Decoder;
using base::Encoder;

void put(Encoder& out, const model::Credentials& who) {
    for (const auto number : {who.uid, who.gid, who.euid, who.egid, who.auid, who.ses}) out.put(number);
    out.put_bytes(who.tty);
}
void get(Decoder& in, model::Credentials& who) {
    for (auto* number : {&who.uid, &who.gid, &who.euid, &who.egid, &who.auid, &who.ses}) in.get(*number);
    who.tty = in.get_bytes();
}

template <class T>
void put(Encoder& out, const std::optional<T>& value) {
    out.put(value.has_value());
    out.put(value.value_or(T{}));
}
template <class T>
void get(Decoder& in, std::optional<T>& value) {
    const bool there = in.get<bool>();
    const T number = in.get<T>();
    value = there ? std::optional<T>(number) : std::nullopt;
}

void put(Encoder& out, const model::Process& p) {
    out.put(p.id);
    out.put(p.boot);
    out.put(p.pid);
    put(out, p.ns_pid);
    out.put(p.parent);
    out.put(p.ppid);
    out.put(p.born.time_ns);
    out.put(p.born.serial);
    out.put(p.born.how);
    out.put(p.born.witnesses);
    out.put(p.ended.has_value());
    const auto end = p.ended.value_or(model::End{});
    out.put(end.time_ns);
    out.put(end.serial);
    put(out, end.code);
    put(out, end.signal);
    out.put(end.core_dumped);
    out.put(end.witnesses);
    out.put(end.by);
    put(out, p.credentials);
    out.put_bytes(p.comm);
    out.put(p.kernel_thread);
    out.put(p.inferred);
    out.put(p.image_owner);
    out.put(p.image_seq);
}
void get(Decoder& in, model::Process& p) {
    in.get(p.id);
    in.get(p.boot);
    in.get(p.pid);
    get(in, p.ns_pid);
    in.get(p.parent);
    in.get(p.ppid);
    in.get(p.born.time_ns);
    in.get(p.born.serial);
    in.get(p.born.how);
    in.get(p.born.witnesses);
    const bool ended = in.get<bool>();
    model::End end;
    in.get(end.time_ns);
    in.get(end.serial);
    get(in, end.code);
    get(in, end.signal);
    in.get(end.core_dumped);
    in.get(end.witnesses);
    in.get(end.by);
    if (ended) p.ended = end;
    get(in, p.credentials);
    p.comm = in.get_bytes();
    in.get(p.kernel_thread);
    in.get(p.inferred);
    in.get(p.image_owner);
    in.get(p.image_seq);
}

void put(Encoder& out, const model::Image& image) {
    out.put(image.seq);
    out.put(image.time_ns);
    out.put(image.serial);
    for (const auto* text : {&image.exe, &image.script, &image.comm, &image.cwd}) out.put_bytes(*text);
    out.put(static_cast<std::uint32_t>(image.argv.size()));
    for (const auto& argument : image.argv) out.put_bytes(argument);
    put(out, image.credentials);
    out.put(image.witnesses);
}
void get(Decoder& in, model::Image& image) {
    in.get(image.seq);
    in.get(image.time_ns);
    in.get(image.serial);
    for (auto* text : {&image.exe, &image.script, &image.comm, &image.cwd}) *text = in.get_bytes();
    const auto argc = in.get<std::uint32_t>();
    for (std::uint32_t i = 0; i < argc && in.ok(); ++i) image.argv.emplace_back(in.get_bytes());
    get(in, image.credentials);
    in.get(image.witnesses);
}

void put(Encoder& out, const model::Attempt& attempt) {
    out.put(attempt.seq);
    out.put(attempt.time_ns);
    out.put(attempt.serial);
    out.put_bytes(attempt.path);
    out.put(attempt.error);
    out.put_bytes(attempt.cwd);
}
void get(Decoder& in, model::Attempt& attempt) {
    in.get(attempt.seq);
    in.get(attempt.time_ns);
    in.get(attempt.serial);
    attempt.path = in.get_bytes();
    in.get(attempt.error);
    attempt.cwd = in.get_bytes();
}

void put(Encoder& out, const SignalSent& sent) {
    out.put(sent.time_ns);
    out.put(sent.serial);
    out.put(sent.signal);
    out.put(sent.by);
}
void get(Decoder& in, SignalSent& sent) {
    in.get(sent.time_ns);
    in.get(sent.serial);
    in.get(sent.signal);
    in.get(sent.by);
}

void put(Encoder& out, const OpenedSpace& opened) {
    out.put(opened.time_ns);
    out.put(opened.fd);
    out.put(opened.space);
}
void get(Decoder& in, OpenedSpace& opened) {
    in.get(opened.time_ns);
    in.get(opened.fd);
    in.get(opened.space);
}

void put(Encoder& out, const RecordOf& record) {
    out.put(record.time_ns);
    out.put(record.id);
}
void get(Decoder& in, RecordOf& record) {
    in.get(record.time_ns);
    in.get(record.id);
}

template <class T>
void put_all(Encoder& out, const std::vector<T>& all) {
    out.put(static_cast<std::uint32_t>(all.size()));
    for (const auto& one : all) put(out, one);
}
template <class T>
void get_all(Decoder& in, std::vector<T>& all) {
    const auto size = in.get<std::uint32_t>();
    for (std::uint32_t i = 0; i < size && in.ok(); ++i) get(in, all.emplace_back());
}

}  // namespace

void save(const Life& life, Encoder& out) {
    put(out, life.process);
    put_all(out, life.images);
    put_all(out, life.attempts);
    put_all(out, life.records);
    out.put(life.first_seen_ns);
    out.put(life.acted_ns);
    out.put(life.kernel_parent);
    out.put(life.inherited_owner);
    out.put(life.inherited_seq);
    out.put(life.by_kernel);
    out.put(life.phantom);
    out.put(life.uids_ns);
    out.put(life.gids_ns);
    out.put(life.ppid_ns);
    out.put(life.left_ppid);
    out.put(life.comm_ns);
    out.put(life.exact_ns);
    out.put(life.stated_serial);
    out.put(life.stated);
    out.put(life.login_told);
    out.put(static_cast<std::uint32_t>(life.tids.size()));
    for (const auto tid : life.tids) out.put(tid);
    out.put(static_cast<std::uint32_t>(life.thread_births.size()));
    for (const auto& birth : life.thread_births) {
        out.put(birth.time_ns);
        out.put(birth.tid);
    }
    out.put(life.possible_threads);
    out.put(life.space);
    out.put(life.space_known);
    out.put(life.children_space);
    out.put(life.number);
    out.put(life.number_known);
    put_all(out, life.opened);
    out.put(life.has_signal);
    out.put(life.signal_status);
    out.put(life.subreaper);
    out.put(static_cast<std::uint32_t>(life.nameless.size()));
    for (const auto& fork : life.nameless) save(fork, out);
    put_all(out, life.signals);
    out.put(life.has_exit_record);
    out.put(life.exit_is_group);
    out.put(life.exit_ns);
    out.put(life.exit_serial);
    out.put(life.exit_code);
    out.put(life.seen_ns);
    out.put(life.changed);
    out.put(life.stored);
    out.put(life.images_changed_from);
    out.put(life.images_stored);
    out.put(life.attempts_changed);
}

void restore(Life& life, Decoder& in) {
    get(in, life.process);
    get_all(in, life.images);
    get_all(in, life.attempts);
    get_all(in, life.records);
    in.get(life.first_seen_ns);
    in.get(life.acted_ns);
    in.get(life.kernel_parent);
    in.get(life.inherited_owner);
    in.get(life.inherited_seq);
    in.get(life.by_kernel);
    in.get(life.phantom);
    in.get(life.uids_ns);
    in.get(life.gids_ns);
    in.get(life.ppid_ns);
    in.get(life.left_ppid);
    in.get(life.comm_ns);
    in.get(life.exact_ns);
    in.get(life.stated_serial);
    in.get(life.stated);
    in.get(life.login_told);
    const auto tids = in.get<std::uint32_t>();
    for (std::uint32_t i = 0; i < tids && in.ok(); ++i) life.tids.push_back(in.get<model::Pid>());
    const auto births = in.get<std::uint32_t>();
    for (std::uint32_t i = 0; i < births && in.ok(); ++i) {
        auto& birth = life.thread_births.emplace_back();
        in.get(birth.time_ns);
        in.get(birth.tid);
    }
    in.get(life.possible_threads);
    in.get(life.space);
    in.get(life.space_known);
    in.get(life.children_space);
    in.get(life.number);
    in.get(life.number_known);
    get_all(in, life.opened);
    in.get(life.has_signal);
    in.get(life.signal_status);
    in.get(life.subreaper);
    const auto nameless = in.get<std::uint32_t>();
    for (std::uint32_t i = 0; i < nameless && in.ok(); ++i) restore(life.nameless.emplace_back(), in);
    get_all(in, life.signals);
    in.get(life.has_exit_record);
    in.get(life.exit_is_group);
    in.get(life.exit_ns);
    in.get(life.exit_serial);
    in.get(life.exit_code);
    in.get(life.seen_ns);
    in.get(life.changed);
    in.get(life.stored);
    in.get(life.images_changed_from);
    in.get(life.images_stored);
    in.get(life.attempts_changed);
}

void save(const model::AuditFork& fork, Encoder& out) {
    const model::AuditHeader& task = fork.task;
    out.put(task.time_ns);
    out.put(task.serial);
    out.put(task.pid);
    out.put(task.ppid);
    out.put(task.credentials.has_value());
    put(out, task.credentials.value_or(model::Credentials{}));
    out.put_bytes(task.comm);
    out.put_bytes(task.exe);
    out.put(fork.how);
    out.put(fork.returned);
    put(out, fork.flags);
}

void restore(model::AuditFork& fork, Decoder& in) {
    model::AuditHeader& task = fork.task;
    in.get(task.time_ns);
    in.get(task.serial);
    in.get(task.pid);
    in.get(task.ppid);
    const bool credentials = in.get<bool>();
    model::Credentials who;
    get(in, who);
    if (credentials) task.credentials = who;
    task.comm = in.get_bytes();
    task.exe = in.get_bytes();
    in.get(fork.how);
    in.get(fork.returned);
    get(in, fork.flags);
}

}  // namespace lineage::tree
