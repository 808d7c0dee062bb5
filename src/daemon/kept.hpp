// What outlives lineaged at the service manager: the sockets, into which the kernel goes on queueing, and the window
// with what had been taken off them. Taken back by the next one, which then goes on as if it had been there all along.
#pragma once

#include <optional>
#include <string>

#include "lineage/base/unique_fd.hpp"
#include "lineage/capture/window.hpp"
#include "service_manager.hpp"

namespace lineage::daemon {

struct Kept {
    // The names under which they are kept.
    static constexpr const char* unicast_name = "audit-unicast";
    static constexpr const char* multicast_name = "audit-multicast";
    static constexpr const char* connector_name = "connector";
    static constexpr const char* window_name = "window";

    static Kept take(ServiceManager& manager);
    /// What was not taken out is no longer wanted.
    void forget_rest();
    /// Nothing of it is to outlive us.
    static void forget_all();

    base::UniqueFd unicast;
    base::UniqueFd multicast;
    base::UniqueFd connector;
    std::optional<capture::Window> window;
};

}  // namespace lineage::daemon
