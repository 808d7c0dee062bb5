// Audit logs as a sequence of lines: files, "-" for standard input, gzip recognised by content, and rotated sets read
// oldest first. Lines come without their newline (or CR LF), whatever bytes they hold, the last one also when no
// newline ends it; one longer than line_bytes_max is cut there and counted.
//
// A file that cannot be read (to its end) is an error that names it. What it held up to there has been handed over
// before, and the next call goes on with the next file. Memory: 256 KiB, more only for a line that is longer.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/base/result.hpp"

namespace lineage::ingest {

constexpr std::size_t line_bytes_max = 16U << 20;

class LogFiles {
public:
    explicit LogFiles(const std::vector<std::string>& names);
    LogFiles(LogFiles&&) noexcept;
    LogFiles& operator=(LogFiles&&) noexcept;
    ~LogFiles();

    enum class Next { line, at_end };
    /// `line` stays valid until the next call.
    base::Result<Next> next(std::string_view& line);

    [[nodiscard]] std::uint64_t bytes() const;  ///< read so far, decompressed
    [[nodiscard]] std::uint64_t cut_lines() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// `names` in the order in which to read them: where several are of one rotated set (audit.log, audit.log.1,
/// audit.log.2.gz) they stand together, oldest first, where the first of them stood; all else stays where it is.
std::vector<std::string> oldest_first(const std::vector<std::string>& names);

}  // namespace lineage::ingest
