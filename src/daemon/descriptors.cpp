#include "descriptors.hpp"

#include <unistd.h>

#include <algorithm>
#include <vector>

namespace lineage::daemon {

void close_all_but(std::initializer_list<int> kept) {
    std::vector<int> sorted(kept);
    std::sort(sorted.begin(), sorted.end());
    unsigned from = STDERR_FILENO + 1;
    for (const int fd : sorted) {
        if (fd < 0) continue;
        const auto number = static_cast<unsigned>(fd);
        if (number > from) ::close_range(from, number - 1, 0);
        from = number + 1;
    }
    ::close_range(from, ~0U, 0);
}

}  // namespace lineage::daemon
