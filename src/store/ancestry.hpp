// Whose descendant a process is, found by climbing from it: what the parts of a Filter say about ancestors. A verdict
// is remembered for every process on the way, so that of a whole tree each is looked at once.
#pragma once

#include <unordered_map>

#include "lineage/model/forest.hpp"
#include "matcher.hpp"
#include "sqlite.hpp"

namespace lineage::store {

class Ancestry {
public:
    /// `matcher` knows the names that the filter's ancestor_glob means. `climbs_to_under`: decides Filter::under too.
    Ancestry(Database& database, const Matcher& matcher, const model::Filter& filter, bool climbs_to_under);

    [[nodiscard]] bool matches(const model::Process& process);
    /// The history may have changed.
    void forget() { verdicts_.clear(); }

private:
    struct Step {
        model::Id id = 0;
        model::Id parent = 0;
        model::TimeNs born_ns = 0;
        std::int64_t born_serial = 0;
    };
    struct Verdict {
        bool below_image = false;
        bool below_top = false;  ///< is Filter::under or descends from it
    };
    Verdict verdict_on(Step step);
    /// Had `owner` run such an image by the birth of its child?
    bool ran_it(model::Id owner, const Step& child);

    const Matcher& matcher_;
    const bool by_image_;
    const model::Id top_;  ///< 0: any
    std::unordered_map<model::Id, Verdict> verdicts_;
    Statement process_by_id_, images_by_owner_;
};

}  // namespace lineage::store
