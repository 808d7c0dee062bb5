// Which road a birth takes.
#include <sys/syscall.h>

#include <algorithm>

#include "calls32.hpp"
#include "life.hpp"

namespace forest {

bool road_exists(Road road) {
    switch (road) {
        case Road::root:
        case Road::worker:
        case Road::count:
            return false;
#ifndef SYS_fork
        case Road::raw_fork:
            return false;
#endif
        case Road::fork32: {
            static const bool works = calls32_work();
            return works;
        }
        default:
            return true;
    }
}

static bool road_possible(Road road) {
    const Record& r = me();
    const bool own_namespace = r.children_ns_depth == r.ns_depth;
    const bool in_charge = privileged() && own_namespace;
    if (road != Road::fork && (arena->roads >> static_cast<unsigned>(road) & 1) == 0) return false;
    switch (road) {
        case Road::clone_parent:
        case Road::clone3_parent:
            // An init may not (EINVAL), and who fills a namespace from outside must know all its children.
            return r.role != Role::ns_init && own_namespace && record(r.parent).role != Role::unsharer;
        case Road::thread_fork:
        case Road::clone_thread_fork:
            return self.threads_allowed;
        case Road::reuse:
            return in_charge && r.ns_depth == 0;
        case Road::set_tid:
            return in_charge && r.ns_depth > 0;
        case Road::newpid:
        case Road::newpid3:
        case Road::unshare:
        case Road::setns:
        case Road::init_takes:
            return in_charge && r.ns_depth < 3;
        case Road::newuser:
            return in_charge;
        default:
            return true;
    }
}

static int least_family(Road road) {
    switch (road) {
        case Road::double_fork:
        case Road::reuse:
            return 2;
        case Road::subreaper:
        case Road::unshare:
        case Road::setns:
        case Road::init_takes:
            return 3;
        default:
            return 1;
    }
}

void make_some_child() {
    Record& r = me();
    Road road;
    do road = static_cast<Road>(draw(static_cast<std::uint64_t>(Road::count)));
    while (!road_possible(road) || r.budget < least_family(road));
    // Mostly small subtrees, now and then all that is left: the forest gets both bushes and chains.
    const auto whole = static_cast<std::uint64_t>(r.budget);
    const std::uint64_t part = chance(35) ? whole : 1 + draw(1 + whole / 2);
    std::uint64_t total = std::max(std::min(part, whole), static_cast<std::uint64_t>(least_family(road)));
    r.budget -= static_cast<std::int32_t>(total);
    make_child(road, static_cast<int>(total));
}

}  // namespace forest
