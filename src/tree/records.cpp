// Events that are kept: they hang on the life that they are about.
#include <algorithm>

#include "state.hpp"

namespace lineage::tree {

namespace {

/// What can still turn out to be another's is young; of one who says very much the newest count.
constexpr std::size_t remembered_max = 256;

}  // namespace

void Tracker::State::on(model::AuditNamed&& named) {
    state(life_of(named.task), named.task);
}

void Tracker::State::on(model::AuditKept&& kept) {
    advance(kept.task.time_ns);
    // What names nobody is the kernel's.
    Life* life = kept.task.pid > 0 ? nullptr : root;
    if (life == nullptr && placed_last.time_ns == kept.task.time_ns && placed_last.serial == kept.task.serial)
        life = population.find(placed_last.life);
    if (life == nullptr || (life != root && life->process.pid != kept.task.pid)) life = &life_of(kept.task);
    if (life->records.size() >= remembered_max) life->records.erase(life->records.begin());
    life->records.push_back({kept.task.time_ns, ++last_record_id});
    changed_records.push_back({last_record_id, life->process.id, std::move(kept.event)});
}

void Tracker::State::move_records(Life& from, Life& to, model::TimeNs since_ns) {
    const auto since = [&](const RecordOf& record) { return record.time_ns >= since_ns; };
    for (const RecordOf& record : from.records) {
        if (!since(record)) continue;
        to.records.push_back(record);
        const auto told = std::lower_bound(changed_records.begin(), changed_records.end(), record.id,
                                           [](const OwnedRecord& one, model::Id id) { return one.id < id; });
        if (told != changed_records.end() && told->id == record.id)
            told->owner = to.process.id;
        else
            moved_records.emplace_back(record.id, to.process.id);
    }
    std::erase_if(from.records, since);
}

}  // namespace lineage::tree
