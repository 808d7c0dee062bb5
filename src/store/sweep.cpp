#include "sweep.hpp"

#include <string>

namespace lineage::store {
namespace {

constexpr int rows_a_step = 4000;
constexpr const char* tables[] = {"name", "argv", "credentials"};

}  // namespace

void Sweep::begin() {
    for (int kind = 0; kind < kinds; ++kind) {
        const auto index = static_cast<std::size_t>(kind);
        Statement newest(database_, "SELECT max(id) FROM " + std::string(tables[kind]));
        newest_[index] = newest.start().next() ? newest.integer(0) : 0;
        used_[index].assign(static_cast<std::size_t>(newest_[index]) + 1, false);
        if (newest_[index] > 0) used_[index].back() = true;  // so that its number is never given out again
    }
    move_on(Stage::processes);
}

void Sweep::move_on(Stage next) {
    stage_ = next;
    at_ = seq_ = -1;
    kind_ = 0;
}

void Sweep::use(Interned kind, std::int64_t number) {
    if (!running()) return;
    auto& used = used_[static_cast<std::size_t>(kind)];
    if (number >= 0 && static_cast<std::size_t>(number) < used.size()) used[static_cast<std::size_t>(number)] = true;
}

void Sweep::use_if_any(Interned kind, const Statement& row, int column) {
    if (const auto number = row.optional(column)) use(kind, *number);
}

void Sweep::step() {
    switch (stage_) {
        case Stage::none:
            return;
        case Stage::processes:
            return look_at_processes();
        case Stage::images:
            return look_at_images();
        case Stage::attempts:
            return look_at_attempts();
        case Stage::deleting:
            return delete_some();
    }
}

void Sweep::look_at_processes() {
    Statement rows(database_, "SELECT id, comm, credentials FROM process WHERE id>?1 ORDER BY id LIMIT ?2");
    int count = 0;
    for (rows.start(at_, rows_a_step); rows.next(); ++count) {
        at_ = rows.integer(0);
        use_if_any(Interned::name, rows, 1);
        use_if_any(Interned::credentials, rows, 2);
    }
    if (count < rows_a_step) move_on(Stage::images);
}

void Sweep::look_at_images() {
    Statement rows(database_,
                   "SELECT owner, seq, exe, script, comm, cwd, argv, credentials FROM image"
                   " WHERE (owner, seq) > (?1, ?2) ORDER BY owner, seq LIMIT ?3");
    int count = 0;
    for (rows.start(at_, seq_, rows_a_step); rows.next(); ++count) {
        at_ = rows.integer(0);
        seq_ = rows.integer(1);
        for (int column = 2; column <= 5; ++column) use_if_any(Interned::name, rows, column);
        use_if_any(Interned::argv, rows, 6);
        use_if_any(Interned::credentials, rows, 7);
    }
    if (count < rows_a_step) move_on(Stage::attempts);
}

void Sweep::look_at_attempts() {
    Statement rows(database_,
                   "SELECT owner, seq, path, cwd FROM attempt"
                   " WHERE (owner, seq) > (?1, ?2) ORDER BY owner, seq LIMIT ?3");
    int count = 0;
    for (rows.start(at_, seq_, rows_a_step); rows.next(); ++count) {
        at_ = rows.integer(0);
        seq_ = rows.integer(1);
        use_if_any(Interned::name, rows, 2);
        use_if_any(Interned::name, rows, 3);
    }
    if (count < rows_a_step) move_on(Stage::deleting);
}

void Sweep::delete_some() {
    const auto& used = used_[static_cast<std::size_t>(kind_)];
    Statement drop(database_, "DELETE FROM " + std::string(tables[kind_]) + " WHERE id=?1");
    int looked = 0;
    for (++at_; at_ < static_cast<std::int64_t>(used.size()) && looked < rows_a_step; ++at_, ++looked)
        if (!used[static_cast<std::size_t>(at_)]) drop.start(at_).run();
    if (at_ < static_cast<std::int64_t>(used.size())) {
        --at_;
        return;
    }
    at_ = -1;
    if (++kind_ < kinds) return;
    move_on(Stage::none);
    for (auto& one : used_) one = {};
}

}  // namespace lineage::store
