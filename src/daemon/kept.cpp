#include "kept.hpp"

#include <utility>

namespace lineage::daemon {

Kept Kept::take(ServiceManager& manager) {
    Kept kept;
    kept.unicast = manager.take(unicast_name);
    kept.multicast = manager.take(multicast_name);
    kept.connector = manager.take(connector_name);
    if (auto memfd = manager.take(window_name))
        if (auto window = capture::Window::adopt(std::move(memfd))) kept.window.emplace(std::move(*window));
    return kept;
}

void Kept::forget_rest() {
    if (std::exchange(unicast, {})) ServiceManager::forget(unicast_name);
    if (std::exchange(multicast, {})) ServiceManager::forget(multicast_name);
    if (std::exchange(connector, {})) ServiceManager::forget(connector_name);
}

void Kept::forget_all() {
    for (const char* const name : {unicast_name, multicast_name, connector_name, window_name})
        ServiceManager::forget(name);
}

}  // namespace lineage::daemon
