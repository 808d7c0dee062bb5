// Any bytes as a log file, compressed or not: it is read to its end or refused, and no line is longer than its bound.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "lineage/base/check.hpp"
#include "log_files.hpp"

using namespace lineage;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const int file = ::memfd_create("log", 0);
    static const std::string name = "/proc/self/fd/" + std::to_string(file);
    CHECK(file >= 0 && ::ftruncate(file, 0) == 0);
    CHECK(::pwrite(file, data, size, 0) == static_cast<ssize_t>(size));
    ingest::LogFiles logs({name});
    std::string_view line;
    for (;;) {
        const auto next = logs.next(line);
        if (next && *next == ingest::LogFiles::Next::at_end) break;
        if (!next) continue;  // named; it goes on with the next file
        CHECK(line.size() <= ingest::line_bytes_max);
    }
    return 0;
}
