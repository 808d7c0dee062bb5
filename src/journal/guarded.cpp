#include "guarded.hpp"

#include <csignal>

namespace lineage::journal {
namespace {

struct sigaction before {};

void on_bus_error(int number, siginfo_t*, void*) {
    if (guard != nullptr) _longjmp(*guard, 1);
    // Not ours: with the old action in place the same instruction faults again.
    ::sigaction(number, &before, nullptr);
}

bool install() {
    struct sigaction action {};
    action.sa_sigaction = on_bus_error;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    return ::sigaction(SIGBUS, &action, &before) == 0;
}

}  // namespace

void install_guard() {
    [[maybe_unused]] static const bool installed = install();
}

}  // namespace lineage::journal
