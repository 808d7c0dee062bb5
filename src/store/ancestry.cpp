#include "ancestry.hpp"

#include <optional>
#include <vector>

namespace lineage::store {
namespace {

constexpr std::size_t verdicts_max = 1'000'000;  // some 40 MB
constexpr model::TimeNs tick_ns = 10'000'000;    // an image's stamp is the coarse clock's

}  // namespace

Ancestry::Ancestry(Database& database, const Matcher& matcher, const model::Filter& filter, bool climbs_to_under)
    : matcher_(matcher),
      by_image_(!filter.ancestor_glob.empty()),
      top_(climbs_to_under ? filter.under : 0),
      process_by_id_(database, "SELECT parent, born_ns, born_serial FROM process WHERE id=?1"),
      images_by_owner_(database, "SELECT seq, time_ns, serial, exe, script FROM image WHERE owner=?1 ORDER BY seq") {}

bool Ancestry::matches(const model::Process& process) {
    if (!by_image_ && top_ == 0) return true;
    if (verdicts_.size() > verdicts_max) verdicts_.clear();
    const auto verdict = verdict_on({process.id, process.parent, process.born.time_ns, process.born.serial});
    return (!by_image_ || verdict.below_image) && (top_ == 0 || verdict.below_top);
}

Ancestry::Verdict Ancestry::verdict_on(Step step) {
    std::vector<Step> way;  // from the process up, to whoever has a verdict
    Verdict above;
    for (;;) {
        // What is on the way already says no, so that a circle in a damaged database ends.
        const auto [known, is_new] = verdicts_.try_emplace(step.id);
        if (!is_new) {
            above = known->second;
            break;
        }
        way.push_back(step);
        if (step.parent == 0 || !process_by_id_.start(step.parent).next()) break;
        step = {step.parent, process_by_id_.integer(0), process_by_id_.integer(1), process_by_id_.integer(2)};
        process_by_id_.stop();
    }
    for (auto one = way.rbegin(); one != way.rend(); ++one) {
        above.below_image = by_image_ && (above.below_image || (one->parent != 0 && ran_it(one->parent, *one)));
        above.below_top = above.below_top || one->id == top_;
        verdicts_[one->id] = above;
    }
    return above;
}

bool Ancestry::ran_it(model::Id owner, const Step& child) {
    bool found = false;
    for (images_by_owner_.start(owner); !found && images_by_owner_.next();) {
        const auto serial = images_by_owner_.integer(2);
        // An image whose exec nobody saw was there when its process was first seen.
        const bool was_there = images_by_owner_.integer(0) == 0 && serial == 0;
        const bool had_it = serial != 0 && child.born_serial != 0
                                ? serial <= child.born_serial
                                : was_there || images_by_owner_.integer(1) <= child.born_ns + tick_ns;
        found = had_it && matcher_.is_ancestors(images_by_owner_.optional(3), images_by_owner_.optional(4));
    }
    images_by_owner_.stop();
    return found;
}

}  // namespace lineage::store
