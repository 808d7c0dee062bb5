// early_rules: whether audit is as lineage-early promises to leave it: on, lineaged's rules first and in order, but for
// those that need /proc. Prints the limits.
#include <algorithm>
#include <cstdio>

#include "lineage/audit/control.hpp"

int main() {
    auto control = lineage::audit::Control::open();
    if (!control) return 2;
    const auto state = control->state();
    const auto in_force = control->list_rules();
    if (!state || !in_force) return 2;
    auto ours = lineage::audit::lineage_rules();
    ours.erase(std::remove_if(ours.begin(), ours.end(), lineage::audit::needs_proc), ours.end());
    const bool first = in_force->size() >= ours.size() && std::equal(ours.begin(), ours.end(), in_force->begin());
    std::printf("enabled %u\nrules_first %d\nrules %zu\nbacklog_limit %u\nbacklog_wait_time %u\n", state->enabled,
                first ? 1 : 0, in_force->size(), state->backlog_limit, state->backlog_wait_time);
    return 0;
}
