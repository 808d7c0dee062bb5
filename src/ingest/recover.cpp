#include "lineage/ingest/recover.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <unordered_map>
#include <vector>

#include "beginning.hpp"
#include "lineage/base/codec.hpp"
#include "lineage/ingest/pipeline.hpp"
#include "lineage/journal/journal.hpp"
#include "lineage/store/remains.hpp"
#include "store_sink.hpp"

namespace lineage::ingest {

namespace {

constexpr std::size_t batch_rows = 2'000;
/// The same birth, told by different witnesses, or by clocks that were slewed meanwhile.
constexpr model::TimeNs same_birth_ns = 100'000'000;

/// Reads the journal into an empty database, as lineaged would have.
class Derivation {
public:
    Derivation(store::Writer& writer, const store::LastIds& taken, Beginning&& beginning) : pipeline_(writer) {
        pipeline_.reserve_ids(taken);
        if (!beginning.boot) return;
        pipeline_.know(*beginning.boot, std::move(beginning.lives));
        if (!beginning.is_told) tell(*beginning.boot, beginning.time_ns);
    }

    base::Result<std::uint64_t> run(const std::string& journal) {
        auto reader = journal::Reader::open(journal);
        if (!reader) return tl::unexpected(reader.error());
        model::Frame frame;
        for (;;) {
            const auto next = reader->next(frame);
            if (!next) return tl::unexpected(next.error());
            if (*next == journal::Reader::Next::at_end) break;
            if (reader->take_skipped()) pipeline_.lost_frames("the journal lacks frames");
            pipeline_.frame(frame);
            if (pipeline_.pending() < batch_changes) continue;
            if (auto done = pipeline_.commit(reader->position()); !done) return tl::unexpected(done.error());
        }
        if (auto done = pipeline_.commit_with_checkpoint(reader->position()); !done)
            return tl::unexpected(done.error());
        return pipeline_.counts().tree.processes;
    }

private:
    /// A journal whose beginning has been removed does not say which boot it begins in.
    void tell(const model::Boot& boot, model::TimeNs now_ns) {
        std::string payload;
        base::Encoder out(payload);
        out.put_bytes(boot.name);
        out.put_bytes(boot.host);
        out.put(boot.started_ns);  // CLOCK_REALTIME - CLOCK_MONOTONIC, if it has never been suspended
        out.put(boot.started_ns);
        const auto type = static_cast<std::uint16_t>(model::Control::boot);
        pipeline_.frame({model::Source::control, type, now_ns, payload});
    }

    Pipeline pipeline_;
};

/// Puts what only the damaged database tells beside what the journal told.
class Merger {
public:
    Merger(store::Remains& remains, store::Writer& writer, store::Reader& derived, model::Id first_free)
        : remains_(remains), writer_(writer), derived_(derived), free_id_(first_free) {}

    base::Result<std::uint64_t> run(const std::vector<model::Boot>& boots) {
        if (auto begun = writer_.begin(); !begun) return tl::unexpected(begun.error());
        if (auto done = take_boots(boots); !done) return abandon(done);
        remains_.each_process([&](model::Node&& node) { identify(node.process); });
        std::sort(ids_.begin(), ids_.end());
        if (failure_) hang_up_roots();
        remains_.each_process([&](model::Node&& node) { put(std::move(node)); });
        if (failure_) take_records();
        if (failure_) take_gaps();
        if (failure_) take_tampering();
        if (!failure_) return abandon(failure_);
        if (auto done = writer_.commit(); !done) return tl::unexpected(done.error());
        return kept_;
    }

private:
    struct Place {
        model::BootId boot = 0;  ///< in the new database
        model::Id root = 0;      ///< its pid 0
        std::string name;
        model::TimeNs started_ns = 0;
    };

    tl::unexpected<base::Error> abandon(const base::Status& status) {
        writer_.rollback();
        return tl::unexpected(status.error());
    }

    base::Status take_boots(const std::vector<model::Boot>& boots) {
        const auto known = derived_.boots();
        if (!known) return tl::unexpected(known.error());
        for (const auto& boot : boots) {
            const auto same = std::find_if(known->begin(), known->end(),
                                           [&](const model::Boot& one) { return one.name == boot.name; });
            places_[boot.id] = {same == known->end() ? boot.id : same->id, 0, boot.name, boot.started_ns};
            if (same == known->end()) writer_.put(boot);
        }
        return {};
    }

    /// A boot whose row is lost is known by its processes alone.
    Place& place_of(model::BootId boot) {
        const auto [found, is_new] = places_.try_emplace(boot);
        if (is_new) {
            found->second = {boot, 0, fmt::format("lost-{}", boot), 0};
            writer_.put(model::Boot{boot, found->second.name, "", 0, false});
        }
        return found->second;
    }

    void identify(const model::Process& process) {
        if (!failure_) return;
        ids_.push_back(process.id);
        Place& place = place_of(process.boot);
        const auto twin = process.pid == 0
                              ? derived_.by_pid(0, model::time_ns_max, place.boot)
                              : derived_.by_pid(process.pid, process.born.time_ns + same_birth_ns, place.boot);
        if (!twin) {
            failure_ = tl::unexpected(twin.error());
            return;
        }
        const bool same = *twin && (process.pid == 0 ||
                                    std::llabs((*twin)->process.born.time_ns - process.born.time_ns) <= same_birth_ns);
        if (same) derived_id_[process.id] = (*twin)->process.id;
        if (process.pid == 0 && process.parent == 0) place.root = same ? (*twin)->process.id : process.id;
    }

    /// Every boot has a pid 0 for those to hang under whose ancestors are lost.
    void hang_up_roots() {
        for (auto& [boot, place] : places_) {
            if (place.root != 0) continue;
            const auto derived = derived_.by_pid(0, model::time_ns_max, place.boot);
            if (derived && *derived) {
                place.root = (*derived)->process.id;
                continue;
            }
            model::Process root;
            root.id = place.root = free_id_++;
            root.boot = place.boot;
            root.comm = "swapper/0";
            root.kernel_thread = true;
            root.born.how = model::How::boot;
            root.inferred = model::Inferred::named_only;
            writer_.put(root);
        }
    }

    [[nodiscard]] std::optional<model::Id> find(model::Id id) const {
        if (const auto found = derived_id_.find(id); found != derived_id_.end()) return found->second;
        if (std::binary_search(ids_.begin(), ids_.end(), id)) return id;
        return std::nullopt;
    }

    void put(model::Node&& node) {
        auto& process = node.process;
        if (!failure_ || derived_id_.count(process.id) != 0) return;
        const Place& place = place_of(process.boot);
        process.boot = place.boot;
        if (process.id != place.root) {
            const auto parent = find(process.parent);
            process.parent = parent.value_or(place.root);
            if (!parent) process.inferred = model::Inferred::parent_unknown;
        }
        process.image_owner = find(process.image_owner).value_or(0);
        if (process.ended) process.ended->by = find(process.ended->by).value_or(0);
        writer_.put(process);
        for (const auto& image : node.images) writer_.put(process.id, image);
        if (!node.attempts.empty()) writer_.put(process.id, node.attempts);
        ++kept_;
        go_on_committing();
    }

    /// Those whose process is lost hang on pid 0 of the boot that they are of, as those do that name nobody.
    void take_records() {
        remains_.each_record([&](model::Id id, model::Id owner, model::KeptEvent&& event) {
            if (!failure_) return;
            const auto told = derived_.kept_at(event.time_ns, event.serial);
            if (!told) {
                failure_ = tl::unexpected(told.error());
                return;
            }
            const auto is_it = [&](const store::EventOfBoot& one) { return one.event.text == event.text; };
            if (std::any_of(told->begin(), told->end(), is_it)) return;
            const auto on = find(owner).value_or(root_at(event.time_ns));
            if (on == 0) return;  // of a boot of which nothing else is left
            writer_.put(id, on, event);
            go_on_committing();
        });
    }

    [[nodiscard]] model::Id root_at(model::TimeNs time_ns) const {
        const Place* latest = nullptr;
        for (const auto& [boot, place] : places_)
            if (place.started_ns <= time_ns && (latest == nullptr || place.started_ns > latest->started_ns))
                latest = &place;
        return latest == nullptr ? 0 : latest->root;
    }

    /// What is put is not held in memory until the end.
    void go_on_committing() {
        if (++put_ % batch_rows != 0) return;
        failure_ = writer_.commit();
        if (failure_) failure_ = writer_.begin();
    }

    void take_gaps() {
        const auto told = derived_.gaps();
        if (!told) {
            failure_ = tl::unexpected(told.error());
            return;
        }
        model::Id last = 0;
        for (auto gap : remains_.gaps()) {
            last = std::max(last, gap.id);
            gap.boot = place_of(gap.boot).boot;
            const bool again = std::any_of(told->begin(), told->end(), [&](const model::Gap& one) {
                return one.from_ns == gap.from_ns && one.to_ns == gap.to_ns && one.why == gap.why;
            });
            if (!again) writer_.put(gap);
        }
        if (remains_.holes() == 0) return;
        for (const auto& [boot, place] : places_)
            writer_.put(model::Gap{++last, place.boot, 0, model::time_ns_max, std::nullopt, model::Witness::audit,
                                   fmt::format("the database was damaged in {} places", remains_.holes())});
    }

    void take_tampering() {
        const auto told = derived_.tampering();
        if (!told) {
            failure_ = tl::unexpected(told.error());
            return;
        }
        for (auto tamper : remains_.tampering()) {
            tamper.boot = place_of(tamper.boot).boot;
            tamper.by = find(tamper.by).value_or(0);
            const bool again = std::any_of(told->begin(), told->end(), [&](const model::Tamper& one) {
                return one.boot == tamper.boot && one.what == tamper.what && one.from_ns <= tamper.time_ns &&
                       tamper.time_ns <= std::max(one.to_ns, one.time_ns);
            });
            if (!again) writer_.put(tamper);
        }
    }

    store::Remains& remains_;
    store::Writer& writer_;
    store::Reader& derived_;
    model::Id free_id_;
    base::Status failure_;
    std::uint64_t kept_ = 0;  ///< processes
    std::uint64_t put_ = 0;
    std::vector<model::Id> ids_;  ///< of those that were salvaged
    std::unordered_map<model::Id, model::Id> derived_id_;
    std::unordered_map<model::BootId, Place> places_;
};

/// Which ids it has, and who lived when the journal begins.
store::LastIds look_through(store::Remains& remains, const std::vector<model::Boot>& boots, Beginning& beginning) {
    store::LastIds taken;
    for (const auto& boot : boots) taken.boot = std::max(taken.boot, boot.id);
    for (const auto& gap : remains.gaps()) taken.gap = std::max(taken.gap, gap.id);
    for (const auto& tamper : remains.tampering()) taken.tamper = std::max(taken.tamper, tamper.id);
    remains.each_record(
        [&](model::Id id, model::Id, model::KeptEvent&&) { taken.record = std::max(taken.record, id); });
    std::vector<model::Id> ids;
    remains.each_process([&](model::Node&& node) {
        ids.push_back(node.process.id);
        taken.process = std::max(taken.process, node.process.id);
        taken.boot = std::max(taken.boot, node.process.boot);
        beginning.take(node);
    });
    std::sort(ids.begin(), ids.end());
    const auto is_lost = [&](model::Id id) { return !std::binary_search(ids.begin(), ids.end(), id); };
    for (auto& life : beginning.lives) {
        auto& process = life.process;
        if (is_lost(process.image_owner)) process.image_owner = 0;
        if (process.ended && is_lost(process.ended->by)) process.ended->by = 0;
        if (process.pid == 0 || !is_lost(process.parent)) continue;
        process.parent = 0;
        process.inferred = model::Inferred::parent_unknown;
    }
    return taken;
}

}  // namespace

base::Result<RecoverReport> recover(const std::string& journal, const std::string& damaged, store::Writer& writer,
                                    const std::function<base::Result<std::unique_ptr<store::Reader>>()>& reader) {
    RecoverReport report;
    std::optional<store::Remains> remains;
    std::vector<model::Boot> boots;
    if (!damaged.empty()) {
        auto opened = store::Remains::open(damaged);
        if (!opened) return tl::unexpected(opened.error());
        remains.emplace(std::move(*opened));
        boots = remains->boots();
    }
    Beginning beginning;
    if (!journal.empty()) {
        auto found = beginning_of(journal, boots);
        if (!found) return tl::unexpected(found.error());
        beginning = std::move(*found);
    }
    store::LastIds taken;
    if (remains) taken = look_through(*remains, boots, beginning);
    const auto first_free = taken.process + 1;
    taken.process += 1000 + static_cast<model::Id>(boots.size());  // for the roots that have to be made up
    taken.gap += 1000;
    report.from_database = beginning.lives.size();
    if (!journal.empty()) {
        const auto derived = Derivation(writer, taken, std::move(beginning)).run(journal);
        if (!derived) return tl::unexpected(derived.error());
        report.from_journal = *derived;
    }
    if (!remains) return report;
    const auto derived = reader();
    if (!derived) return tl::unexpected(derived.error());
    const auto kept = Merger(*remains, writer, **derived, first_free).run(boots);
    if (!kept) return tl::unexpected(kept.error());
    report.from_database += *kept;
    report.holes = remains->holes();
    return report;
}

}  // namespace lineage::ingest
