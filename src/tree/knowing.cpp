// Going on where another history ends: what it tells of who lived then is taken over as it stands.
#include "lineage/base/check.hpp"
#include "state.hpp"

namespace lineage::tree {

namespace {

void fill(Life& life, model::Node&& node) {
    life.images = std::move(node.images);
    life.attempts = std::move(node.attempts);
    life.attempts_changed = !life.attempts.empty();
    life.images_changed_from = 0;
    life.stated = true;
    life.login_told = life.process.credentials.ses != model::unset_uid;
    // Of one with images of its own nobody remembers which it was born with.
    if (!life.images.empty()) return;
    life.inherited_owner = life.process.image_owner;
    life.inherited_seq = life.process.image_seq;
}

}  // namespace

void Tracker::know(const model::Boot& boot, std::vector<model::Node>&& lives) {
    State& s = *state_;
    CHECK(s.root == nullptr);
    s.boot = boot;
    s.changed_boots.push_back(boot);
    std::vector<Life*> known;
    for (model::Node& node : lives) {
        auto process = std::move(node.process);
        Life& life = *known.emplace_back(&s.population.take_in(std::move(process)));
        fill(life, std::move(node));
        if (life.process.pid == 0) s.root = &life;
        if (!life.alive()) s.population.bury(life);
    }
    if (s.root == nullptr) s.make_root();
    for (Life* const life : known) {
        if (life == s.root) continue;
        Life* const parent = life->process.parent == 0 ? s.root : s.population.find(life->process.parent);
        if (parent != nullptr && s.may_link(*life, *parent)) s.population.link(*life, *parent);
    }
}

}  // namespace lineage::tree
