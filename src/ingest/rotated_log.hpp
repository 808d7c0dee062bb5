// A log as auditd keeps it: lines go behind FILE's last one; when FILE has grown to its bound, FILE.1 becomes FILE.2
// and so on, FILE becomes FILE.1, and a new FILE begins (auditd.conf(5): max_log_file_action = ROTATE; rotate_logs in
// auditd's auditd-event.c). The last of them goes. A new FILE is its owner's alone (0600), or has the mode of the one
// before; a rotated one can only be read.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "lineage/base/result.hpp"
#include "lineage/base/unique_fd.hpp"

namespace lineage::ingest {

struct LogBounds {
    std::uint64_t file_bytes_max = 8U << 20;  ///< FILE is rotated when it has come to it
    int files = 5;                            ///< FILE included; 1: FILE is never rotated
};

class RotatedLog {
public:
    RotatedLog(std::string path, LogBounds bounds) : path_(std::move(path)), bounds_(bounds) {}

    /// Opens FILE, or makes it. Also where somebody has moved it since: then a new one is made.
    base::Status open();
    /// Writes `lines` (whole ones, but for the first and the last) and takes what is written off their front. After a
    /// failure the same call goes on where it was.
    base::Status write(std::string& lines);
    base::Status sync();

    /// What FILE and the older ones hold behind byte `offset` of the one with that inode, oldest first; empty where
    /// there is no such file any more, or less in it.
    base::Result<std::string> since(ino_t inode, std::uint64_t offset) const;
    /// Does the last line lack its end?
    [[nodiscard]] bool torn() const;

    [[nodiscard]] ino_t inode() const { return inode_; }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

private:
    [[nodiscard]] std::string name(int number) const {
        return number == 0 ? path_ : path_ + "." + std::to_string(number);
    }
    base::Status rotate();

    std::string path_;
    LogBounds bounds_;
    base::UniqueFd file_;
    ino_t inode_ = 0;
    std::uint64_t bytes_ = 0;
    mode_t mode_ = 0600;
};

}  // namespace lineage::ingest
