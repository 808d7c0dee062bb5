// Goal: what append() returned from is read back once, in order, whatever the payload, the segment size or the number
// of writers that came and went; the bounds hold; a second writer is refused. Method: small segments in a temporary
// directory.
#include <doctest/doctest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <fstream>
#include <random>
#include <thread>

#include "crc32c.hpp"
#include "unit/journal/journal_fixture.hpp"

using namespace journal_fixture;

TEST_CASE("crc32c is the RFC's, and the tables agree with the instruction") {
    const std::string zeros(32, '\0');  // RFC 3720 B.4: 32 bytes of zeros
    CHECK(journal::crc32c(0, zeros.data(), 4) == 0x8A9136AAU);
    CHECK(journal::crc32c_by_tables(0, zeros.data(), 4) == 0x8A9136AAU);
    std::mt19937 random(1);
    std::string bytes(4096, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    for (std::size_t words = 0; words <= 512; words += 7) {
        REQUIRE(journal::crc32c(5, bytes.data(), words) == journal::crc32c_by_tables(5, bytes.data(), words));
    }
}

TEST_CASE("frames of every size come back as they went in") {
    const TemporaryDirectory directory;
    auto writer = open_writer(directory.path, small_segments);
    std::vector<std::string> payloads;
    for (std::size_t bytes = 0; bytes < 300; ++bytes) payloads.emplace_back(bytes, static_cast<char>(bytes));
    payloads.emplace_back(200'000, 's');
    payloads.emplace_back(1U << 20, 'm');
    payloads.emplace_back(journal::payload_bytes_max, 'x');
    payloads.emplace_back("\0 after a large one\n", 20);
    for (std::size_t i = 0; i < payloads.size(); ++i) {
        const model::Frame frame{model::Source::procfs, static_cast<std::uint16_t>(i), -static_cast<std::int64_t>(i),
                                 payloads[i]};
        REQUIRE(writer.append(frame));
    }
    auto reader = open_reader(directory.path);
    model::Frame frame;
    for (std::size_t i = 0; i < payloads.size(); ++i) {
        REQUIRE(reader.next(frame) == journal::Reader::Next::frame);
        REQUIRE(frame.payload == payloads[i]);
        REQUIRE(frame.type == static_cast<std::uint16_t>(i));
        REQUIRE(frame.received_ns == -static_cast<std::int64_t>(i));
        REQUIRE(frame.source == model::Source::procfs);
    }
    REQUIRE(reader.next(frame) == journal::Reader::Next::at_end);
    CHECK(reader.position() == writer.end());
    CHECK_FALSE(reader.take_skipped());
}

TEST_CASE("a payload over the maximum is refused and nothing is written") {
    const TemporaryDirectory directory;
    auto writer = open_writer(directory.path);
    const auto end = writer.end();
    const std::string payload(journal::payload_bytes_max + 1, 'x');
    CHECK_FALSE(writer.append({model::Source::audit, 0, 0, payload}));
    CHECK(writer.end() == end);
}

TEST_CASE("reading can be resumed at every position") {
    const TemporaryDirectory directory;
    auto writer = open_writer(directory.path, small_segments);
    for (std::uint64_t i = 0; i < 200; ++i) append_number(writer, i);
    auto first = open_reader(directory.path);
    for (std::uint64_t i = 0; i < 200; ++i) {
        auto reader = open_reader(directory.path, first.position());
        REQUIRE(numbers_of(reader) == number_range(i, 200));
        REQUIRE_FALSE(reader.take_skipped());
        model::Frame frame;
        REQUIRE(first.next(frame) == journal::Reader::Next::frame);
    }
    auto reader = open_reader(directory.path, writer.end());
    CHECK(numbers_of(reader).empty());
}

TEST_CASE("a position beyond the end is an error") {
    const TemporaryDirectory directory;
    const auto writer = open_writer(directory.path);
    CHECK_FALSE(journal::Reader::open(directory.path, writer.end() + 8));
}

TEST_CASE("a journal goes on behind its end, empty or not, and leaves no room unused when closed") {
    const TemporaryDirectory directory;
    journal::Position end = 0;
    for (std::uint64_t run = 0; run < 20; ++run) {
        auto writer = open_writer(directory.path);
        if (run > 0) CHECK(writer.end() == end);
        for (std::uint64_t i = 0; i < run % 3; ++i) append_number(writer, 10 * run + i);
        end = writer.end();
        CHECK(writer.lost_bytes() == 0);
    }
    auto reader = open_reader(directory.path);
    std::vector<std::uint64_t> expected;
    for (std::uint64_t run = 0; run < 20; ++run) {
        for (std::uint64_t i = 0; i < run % 3; ++i) expected.push_back(10 * run + i);
    }
    CHECK(numbers_of(reader) == expected);
    CHECK_FALSE(reader.take_skipped());
    CHECK(bytes_in(directory.path) < 20 * 300);
}

TEST_CASE("positions never come back in a journal that is begun anew") {
    journal::Position end = 0;
    for (int run = 0; run < 2; ++run) {
        const TemporaryDirectory directory;
        auto writer = open_writer(directory.path);
        CHECK(writer.end() > end);
        for (std::uint64_t i = 0; i < 100; ++i) append_number(writer, i);
        end = writer.end();
    }
}

TEST_CASE("a second writer is refused, in this process and in another") {
    const TemporaryDirectory directory;
    const auto writer = open_writer(directory.path);
    const auto second = journal::Writer::open(directory.path);
    REQUIRE_FALSE(second);
    CHECK(second.error().message().find("another recorder") != std::string::npos);
    CHECK(in_child([&] { return journal::Writer::open(directory.path) ? 1 : 0; }) == 0);
}

TEST_CASE("a forked child cannot write its parent's journal") {
    const TemporaryDirectory directory;
    auto writer = open_writer(directory.path);
    append_number(writer, 0);
    CHECK(in_child([&] {
              std::signal(SIGSEGV, SIG_DFL);
              return append_number_to(writer, 1) ? 0 : 1;
          }) != 0);
    append_number(writer, 2);
    auto reader = open_reader(directory.path);
    CHECK(numbers_of(reader) == std::vector<std::uint64_t>{0, 2});
}

TEST_CASE("the oldest segments go when the journal is full, and only those not released count as lost") {
    const TemporaryDirectory directory;
    journal::Limits limits = small_segments;
    limits.total_bytes_max = 8 * limits.segment_bytes;
    auto writer = open_writer(directory.path, limits);
    const auto begin = writer.end();
    for (std::uint64_t i = 0; i < 5000; ++i) {
        append_number(writer, i);
        writer.release(writer.end());
        REQUIRE(bytes_in(directory.path) <= limits.total_bytes_max);
    }
    CHECK(writer.lost_bytes() == 0);
    auto reader = open_reader(directory.path, begin);
    const auto left = numbers_of(reader);
    CHECK(reader.take_skipped());
    REQUIRE(left.size() > 100);
    CHECK(left == number_range(5000 - left.size(), 5000));

    const auto released = writer.end();
    for (std::uint64_t i = 5000; i < 10000; ++i) append_number(writer, i);
    auto rest = open_reader(directory.path);
    const auto oldest = rest.position();
    CHECK(writer.lost_bytes() == oldest - released);
    CHECK_FALSE(rest.take_skipped());
}

TEST_CASE("a reader whose segments are removed goes on at the oldest and says so") {
    const TemporaryDirectory directory;
    journal::Limits limits = small_segments;
    limits.total_bytes_max = 4 * limits.segment_bytes;
    auto writer = open_writer(directory.path, limits);
    append_number(writer, 0);
    auto reader = open_reader(directory.path);
    for (std::uint64_t i = 1; i < 1000; ++i) append_number(writer, i);
    const auto read = numbers_of(reader);
    CHECK(reader.take_skipped());
    CHECK(read.front() == 0);  // its own segment is still mapped
    CHECK(read.back() == 999);
    CHECK(std::is_sorted(read.begin(), read.end()));
    CHECK(read.size() < 1000);
}

TEST_CASE("a payload stays valid until the call after the next segment change") {
    const TemporaryDirectory directory;
    auto writer = open_writer(directory.path, small_segments);
    for (std::uint64_t i = 0; i < 200; ++i) append_number(writer, i);
    auto reader = open_reader(directory.path);
    model::Frame before;
    REQUIRE(reader.next(before) == journal::Reader::Next::frame);
    std::uint64_t number = 0;
    model::Frame frame;
    while (reader.next(frame) == journal::Reader::Next::frame) {
        REQUIRE(number_in(before) == number++);
        before = frame;
    }
    CHECK(number == 199);
}

namespace {

// Appends numbers until it fails; what the next number is.
std::uint64_t append_until_full(journal::Writer& writer, std::uint64_t number) {
    while (number < 100'000 && append_number_to(writer, number)) ++number;
    return number;
}

// In a mount namespace with a file system of 256 KiB. Returns 0, the number of the step that failed, or 77 without
// root.
int fill_a_disk(const std::string& directory) {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("none", directory.c_str(), "tmpfs", 0, "size=256k") != 0) {
        return 77;
    }
    const std::string filler = directory + "/filler";
    std::ofstream(filler) << std::string(64U << 10, 'f');
    auto writer = journal::Writer::open(directory, {16U << 10, 1U << 30});
    if (!writer) return 1;
    const auto first_full = append_until_full(*writer, 0);
    if (first_full < 1000 || first_full > 10'000) return 2;
    const auto end = writer->end();
    if (append_number_to(*writer, first_full) || writer->end() != end) return 3;
    std::filesystem::remove(filler);
    const auto second_full = append_until_full(*writer, first_full);
    if (second_full < first_full + 500) return 4;
    for (auto number = second_full; number < 100'000; ++number) {
        writer->release(writer->end());
        if (!append_number_to(*writer, number)) return 5;
    }
    if (writer->lost_bytes() != 0) return 8;
    auto reader = journal::Reader::open(directory);
    if (!reader) return 6;
    const auto left = numbers_of(*reader);
    return left.size() > 1000 && left == number_range(100'000 - left.size(), 100'000) ? 0 : 7;
}

}  // namespace

TEST_CASE(
    "a full disk: append fails and changes nothing, goes on when there is space, and takes released segments' room") {
    const TemporaryDirectory directory;
    const int outcome = in_child([&] { return fill_a_disk(directory.path); });
    if (outcome == 77) {
        MESSAGE("skipped: needs root for a file system of its own");
        return;
    }
    CHECK(outcome == 0);
}

TEST_CASE("a file that is no segment is left alone, a directory without segments is no journal") {
    const TemporaryDirectory directory;
    CHECK_FALSE(journal::is_journal(directory.path));
    CHECK_FALSE(journal::is_journal(directory.path + "/nowhere"));
    std::ofstream(directory.path + "/original-audit-state") << "kept";
    CHECK_FALSE(journal::Reader::open(directory.path));
    { const auto writer = open_writer(directory.path); }
    CHECK(journal::is_journal(directory.path));
    CHECK(std::filesystem::exists(directory.path + "/original-audit-state"));
}

TEST_CASE("a segment of a newer format is refused by both") {
    const TemporaryDirectory directory;
    {
        auto writer = open_writer(directory.path);
        append_number(writer, 1);
    }
    patch(only_segment(directory.path), 8, std::string(1, '\2'));
    CHECK_FALSE(journal::Writer::open(directory.path));
    CHECK_FALSE(journal::Reader::open(directory.path));
}

TEST_CASE("sync in another thread while frames are appended and segments roll over") {
    const TemporaryDirectory directory;
    auto writer = open_writer(directory.path, small_segments);
    std::atomic<bool> done = false;
    std::atomic<int> failed = 0;
    std::thread syncing([&] {
        while (!done) failed += writer.sync() ? 0 : 1;
    });
    for (std::uint64_t i = 0; i < 5000; ++i) append_number(writer, i);
    done = true;
    syncing.join();
    CHECK(failed == 0);
    auto reader = open_reader(directory.path);
    CHECK(numbers_of(reader) == number_range(0, 5000));
}
