// Any bytes as a /proc frame of a journal: refused, or understood so that encoding it again gives the same meaning.
#include <cstdint>
#include <string_view>

#include "lineage/base/check.hpp"
#include "lineage/procfs/entry.hpp"

using namespace lineage;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto seen = procfs::decode({reinterpret_cast<const char*>(data), size});
    if (!seen) return 0;
    const auto encoded = procfs::encode(*seen);
    const auto again = procfs::decode(encoded);
    CHECK(again.has_value());
    CHECK(procfs::encode(*again) == encoded);
    return 0;
}
