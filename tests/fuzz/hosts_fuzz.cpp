// Any bytes as the log of several hosts and boots (node=), by `lineage import` itself, threads and all: what comes of
// it is a forest, and no tree reaches from one boot into another.
// seeds: golden
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string>

#include "forest_check.hpp"
#include "lineage/ingest/pipeline.hpp"

using namespace lineage;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const int file = ::memfd_create("log", MFD_CLOEXEC);
    static const std::string name = "/proc/self/fd/" + std::to_string(file);
    CHECK(::ftruncate(file, 0) == 0);
    CHECK(::pwrite(file, data, size, 0) == static_cast<ssize_t>(size));
    fuzz::ForestCheck store;
    CHECK(ingest::import({name}, store, {"here"}).has_value());
    store.check();
    return 0;
}
