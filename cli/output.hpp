// Where an answer goes: standard output, or a file that appears whole or not at all.
#pragma once

#include <string>
#include <string_view>

#include "lineage/base/result.hpp"
#include "lineage/base/unique_fd.hpp"

namespace lineage::cli {

class Output {
public:
    /// `path` empty or "-": standard output. A regular file is written beside its place and moved there by finish();
    /// anything else (a device, a pipe) is written to as it is.
    static base::Result<Output> open(const std::string& path);
    Output(Output&&) noexcept = default;
    Output& operator=(Output&&) = delete;
    /// Without finish(), the file is as it was.
    ~Output();

    /// False where more is of no use: nobody reads on (a closed pipe), or writing failed. finish() tells which.
    bool write(std::string_view bytes);
    /// What has been written so far goes out: nothing more may come for long.
    void flush();
    /// A closed pipe is no error: its reader has had what it wanted.
    base::Status finish();

private:
    Output(std::string name, int fd) : name_(std::move(name)), fd_(fd) {}

    std::string name_;       ///< as the user knows it
    std::string target_;     ///< where `temporary_` goes
    std::string temporary_;  ///< empty: nothing to move
    base::UniqueFd fd_;
    std::string buffer_;
    int error_ = 0;  ///< errno of the first failed write
};

}  // namespace lineage::cli
