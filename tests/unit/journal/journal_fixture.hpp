// What the journal's tests share: a temporary directory, frames that carry a number, a child process.
#pragma once

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "lineage/journal/journal.hpp"

namespace journal_fixture {

namespace journal = lineage::journal;
namespace model = lineage::model;

constexpr journal::Limits small_segments{1024, 1U << 30};

struct TemporaryDirectory {
    std::string path;
    /// `root` "/dev/shm" is for what opens thousands of journals: an orderly end waits for the disk.
    explicit TemporaryDirectory(const std::string& root = "/tmp") : path(root + "/lineage-journal.XXXXXX") {
        REQUIRE(::mkdtemp(path.data()) != nullptr);
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory() { std::filesystem::remove_all(path); }
};

inline journal::Writer open_writer(const std::string& directory, journal::Limits limits = {}) {
    auto writer = journal::Writer::open(directory, limits);
    if (!writer) FAIL(writer.error().message());
    return std::move(*writer);
}

inline journal::Reader open_reader(const std::string& directory, journal::Position from = 0) {
    auto reader = journal::Reader::open(directory, from);
    if (!reader) FAIL(reader.error().message());
    return std::move(*reader);
}

/// Frame n has 8 to 47 bytes of payload, the first eight of which are n.
inline bool append_number_to(journal::Writer& writer, std::uint64_t number) {
    char payload[48];
    std::memset(payload, static_cast<int>(number), sizeof payload);
    std::memcpy(payload, &number, sizeof number);
    return writer.append({model::Source::audit, 1300, 7, {payload, sizeof number + number % 40}}).has_value();
}
inline void append_number(journal::Writer& writer, std::uint64_t number) {
    REQUIRE(append_number_to(writer, number));
}

inline std::uint64_t number_in(const model::Frame& frame) {
    std::uint64_t number = 0;
    REQUIRE(frame.payload.size() >= sizeof number);
    std::memcpy(&number, frame.payload.data(), sizeof number);
    return number;
}

inline std::vector<std::uint64_t> numbers_of(journal::Reader& reader) {
    std::vector<std::uint64_t> numbers;
    model::Frame frame;
    for (;;) {
        const auto next = reader.next(frame);
        if (!next) FAIL(next.error().message());
        if (*next == journal::Reader::Next::at_end) return numbers;
        numbers.push_back(number_in(frame));
    }
}

inline std::vector<std::uint64_t> number_range(std::uint64_t from, std::uint64_t to) {
    std::vector<std::uint64_t> numbers;
    for (; from < to; ++from) numbers.push_back(from);
    return numbers;
}

inline std::uint64_t bytes_in(const std::string& directory) {
    std::uint64_t bytes = 0;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) bytes += entry.file_size();
    return bytes;
}

inline std::string only_segment(const std::string& directory) {
    std::string found;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        if (entry.path().extension() != ".seg") continue;
        REQUIRE(found.empty());
        found = entry.path();
    }
    return found;
}

inline void patch(const std::string& path, std::size_t offset, const std::string& bytes) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(offset));
    file << bytes;
}

/// Runs `function` in a child, which ends without destructors; returns its exit code, or -signal.
template <class Function>
int in_child(Function function) {
    const pid_t pid = ::fork();
    REQUIRE(pid >= 0);
    if (pid == 0) ::_exit(function());
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace journal_fixture
