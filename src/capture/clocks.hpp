// The two clocks that capture stamps with, in ns.
#pragma once

#include <time.h>

#include "lineage/model/process.hpp"

namespace lineage::capture {

inline model::TimeNs clock_now(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}
inline model::TimeNs monotonic_now() {
    return clock_now(CLOCK_MONOTONIC);
}
inline model::TimeNs realtime_now() {
    return clock_now(CLOCK_REALTIME);
}

}  // namespace lineage::capture
