// Goal: whatever kills the writer, cuts or corrupts its files, what is undamaged is read back, nothing that was never
// written appears, and the journal goes on. Method: SIGKILL at random moments, a cut and a flipped bit at every byte,
// segments made to look as if another boot had written them. A failing random test prints its seed.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <random>
#include <thread>

#include "unit/journal/journal_fixture.hpp"

using namespace journal_fixture;

namespace {

// What a power failure in an earlier boot leaves: the segment's header names another boot.
void make_of_another_boot(const std::string& segment) {
    patch(segment, 24, "00000000-0000-0000-0000-000000000000");
}

// A journal of `count` frames as a killed writer leaves it.
void write_and_die(const std::string& directory, std::uint64_t count, journal::Limits limits = {1024, 1U << 30}) {
    REQUIRE(in_child([&] {
                auto writer = open_writer(directory, limits);
                for (std::uint64_t i = 0; i < count; ++i) append_number_to(writer, i);
                ::kill(::getpid(), SIGKILL);
                return 0;
            }) == -SIGKILL);
}

// Whole frames from the beginning on, then what a new writer adds: in order, nothing else, each at most once.
void check_goes_on(const std::string& directory, std::uint64_t written, std::uint64_t whole_at_least) {
    journal::Position end = 0;
    {
        auto writer = journal::Writer::open(directory, small_segments);
        REQUIRE(writer);
        append_number(*writer, 1'000'000);
        end = writer->end();
    }
    auto reader = open_reader(directory);
    auto numbers = numbers_of(reader);
    REQUIRE_FALSE(numbers.empty());
    REQUIRE(numbers.back() == 1'000'000);
    numbers.pop_back();
    REQUIRE(numbers == number_range(0, numbers.size()));
    REQUIRE(numbers.size() <= written);
    REQUIRE(numbers.size() >= whole_at_least);
    REQUIRE(reader.position() == end);
}

std::vector<std::string> segments_of(const std::string& directory) {
    std::vector<std::string> segments;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        if (entry.path().extension() == ".seg") segments.push_back(entry.path());
    }
    std::sort(segments.begin(), segments.end());
    return segments;
}

std::string contents_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("a writer killed at random moments loses nothing that append returned from, and doubles nothing") {
    const auto seed = static_cast<unsigned>(std::chrono::steady_clock::now().time_since_epoch().count());
    CAPTURE(seed);
    std::mt19937 random(seed);
    const TemporaryDirectory directory;
    auto* const shared = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(shared != MAP_FAILED);
    const std::atomic_ref appended(*static_cast<std::uint64_t*>(shared));
    std::uint64_t certain = 0;  // frames that some append() has returned from
    for (int round = 0; round < 200; ++round) {
        const pid_t pid = ::fork();
        REQUIRE(pid >= 0);
        if (pid == 0) {
            auto writer = journal::Writer::open(directory.path, {16U << 10, 1U << 30});
            if (!writer) ::_exit(1);
            for (std::uint64_t number = certain;; ++number) {
                if (!append_number_to(*writer, number)) ::_exit(2);
                appended = number + 1;
            }
        }
        std::this_thread::sleep_for(std::chrono::microseconds(500 + random() % 1500));
        ::kill(pid, SIGKILL);
        int status = 0;
        REQUIRE(::waitpid(pid, &status, 0) == pid);
        REQUIRE(WIFSIGNALED(status));

        // One that was whole but not returned from may be there too: the next writer goes on behind it.
        const auto returned = std::max<std::uint64_t>(appended, certain);
        REQUIRE(in_child([&] {  // which ends without closing, too
                    const auto next = journal::Writer::open(directory.path, {16U << 10, 1U << 30});
                    return next && next->lost_bytes() == 0 ? 0 : 1;
                }) == 0);
        auto reader = open_reader(directory.path);
        std::uint64_t count = 0;
        model::Frame frame;
        while (reader.next(frame) == journal::Reader::Next::frame) REQUIRE(number_in(frame) == count++);
        REQUIRE_FALSE(reader.take_skipped());
        REQUIRE(count >= returned);
        REQUIRE(count <= returned + 1);
        certain = count;
        if (round % 20 == 19) {  // begin anew: reading it all back each time is quadratic
            std::filesystem::remove_all(directory.path);
            certain = 0;
            appended = 0;
        }
    }
    ::munmap(shared, 4096);
}

TEST_CASE("a frame that was whole when the writer died before it said so is kept") {
    const TemporaryDirectory directory;
    write_and_die(directory.path, 5, {4096, 1U << 30});
    const auto segment = only_segment(directory.path);
    patch(segment, 64, std::string(8, '\0'));  // the end word
    auto writer = open_writer(directory.path);
    auto reader = open_reader(directory.path);
    CHECK(numbers_of(reader) == number_range(0, 5));
}

TEST_CASE("what a torn frame leaves behind the end never becomes a frame") {
    const TemporaryDirectory directory;
    write_and_die(directory.path, 3, {4096, 1U << 30});
    const auto segment = only_segment(directory.path);
    const auto bytes = contents_of(segment);
    // Whole frames, but copies: frame 1 (40 bytes at 32) over and over from where frame 3 would begin (112).
    constexpr std::size_t header = 128;
    std::string copies;
    while (copies.size() < 2000) copies += bytes.substr(header + 32, 40);
    patch(segment, header + 112, copies);
    check_goes_on(directory.path, 3, 3);
}

TEST_CASE("the next writer clears as much as a torn frame can have left") {
    const TemporaryDirectory directory;
    write_and_die(directory.path, 3, {8U << 20, 1U << 30});
    const auto segment = only_segment(directory.path);
    patch(segment, 128 + 112, std::string(journal::payload_bytes_max, 'g'));
    const auto writer = open_writer(directory.path);
    CHECK(contents_of(segment).find_first_not_of('\0', 128 + 112) == std::string::npos);
}

TEST_CASE("a segment cut at every byte") {
    const TemporaryDirectory original;
    write_and_die(original.path, 12);
    const auto bytes = contents_of(only_segment(original.path));
    for (std::size_t length = 0; length <= 12 * 56 + 128; ++length) {
        CAPTURE(length);
        const TemporaryDirectory copy("/dev/shm");
        std::ofstream(copy.path + "/" + std::filesystem::path(only_segment(original.path)).filename().string())
            << bytes.substr(0, length);
        if (auto reader = journal::Reader::open(copy.path)) {  // a reader of the damaged copy gets whole frames only
            const auto numbers = numbers_of(*reader);
            REQUIRE(numbers == number_range(0, numbers.size()));
        } else {
            REQUIRE(length < 128);
        }
        const auto whole = length < 128 ? 0 : (length - 128) / 72;  // 72: the largest of these frames
        check_goes_on(copy.path, 12, std::min<std::uint64_t>(whole, 12));
    }
}

TEST_CASE("a segment with a bit flipped at every byte") {
    const TemporaryDirectory original;
    write_and_die(original.path, 12);
    const auto bytes = contents_of(only_segment(original.path));
    const auto name = std::filesystem::path(only_segment(original.path)).filename().string();
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        CAPTURE(at);
        if (at >= 8 && at < 12) continue;  // the version: refused, see journal_test.cpp
        const TemporaryDirectory copy("/dev/shm");
        std::string damaged = bytes;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
        std::ofstream(copy.path + "/" + name) << damaged;
        check_goes_on(copy.path, 12, at < 128 ? 12 : std::min<std::uint64_t>((at - 128) / 72, 12));
    }
}

TEST_CASE("after a power failure positions jump, and a reader that had read more goes on behind the jump") {
    const TemporaryDirectory directory;
    write_and_die(directory.path, 20, {4096, 1U << 30});
    journal::Position consumed = 0;
    {
        auto reader = open_reader(directory.path);
        CHECK(numbers_of(reader) == number_range(0, 20));
        consumed = reader.position();
    }
    const auto segment = only_segment(directory.path);
    patch(segment, 128 + 400, std::string(4096 - 128 - 400, '\0'));  // the later pages never reached the disk
    make_of_another_boot(segment);
    auto writer = open_writer(directory.path);
    CHECK(writer.lost_bytes() > 0);
    CHECK(writer.end() > consumed);
    append_number(writer, 20);
    auto reader = open_reader(directory.path, consumed);
    CHECK(numbers_of(reader) == number_range(20, 21));
    CHECK(reader.take_skipped());
}

TEST_CASE("an orderly end in another boot is no loss") {
    const TemporaryDirectory directory;
    {
        auto writer = open_writer(directory.path);
        append_number(writer, 0);
    }
    make_of_another_boot(only_segment(directory.path));
    auto writer = open_writer(directory.path);
    append_number(writer, 1);
    auto reader = open_reader(directory.path);
    CHECK(numbers_of(reader) == number_range(0, 2));
    CHECK_FALSE(reader.take_skipped());
    CHECK(writer.lost_bytes() == 0);
}

TEST_CASE("a damaged frame in the middle hides the rest of its segment, no more, and is reported") {
    const TemporaryDirectory directory;
    {
        auto writer = open_writer(directory.path, small_segments);
        for (std::uint64_t i = 0; i < 200; ++i) append_number(writer, i);
    }
    const auto segments = segments_of(directory.path);
    patch(segments[2], 128 + 30, "damage");
    auto reader = open_reader(directory.path);
    const auto numbers = numbers_of(reader);
    CHECK(reader.take_skipped());
    CHECK(numbers.front() == 0);
    CHECK(numbers.back() == 199);
    CHECK(numbers.size() < 200);
    CHECK(numbers.size() > 160);
}

TEST_CASE("a writer that died between two segments is healed by the next") {
    const TemporaryDirectory directory;
    write_and_die(directory.path, 50);
    const auto segments = segments_of(directory.path);
    for (const auto& segment : segments) {  // no segment says that another follows
        std::string word = contents_of(segment).substr(64, 1);
        word[0] = static_cast<char>(word[0] & ~3);
        patch(segment, 64, word);
    }
    std::ofstream(directory.path + "/segment.new") << "unfinished";
    {
        auto reader = open_reader(directory.path);
        CHECK(numbers_of(reader) == number_range(0, 50));
    }
    auto writer = open_writer(directory.path, small_segments);
    append_number(writer, 50);
    auto reader = open_reader(directory.path);
    CHECK(numbers_of(reader) == number_range(0, 51));
    CHECK_FALSE(reader.take_skipped());
    CHECK(writer.lost_bytes() == 0);
}

TEST_CASE("a segment in the middle whose header never reached the disk is recovered by the next writer") {
    const TemporaryDirectory directory;
    write_and_die(directory.path, 50);
    const auto segments = segments_of(directory.path);
    patch(segments[1], 0, std::string(128, '\0'));
    {
        auto reader = open_reader(directory.path);
        CHECK(numbers_of(reader).size() < 50);
        CHECK(reader.take_skipped());
    }
    const auto writer = open_writer(directory.path, small_segments);
    auto reader = open_reader(directory.path);
    CHECK(numbers_of(reader) == number_range(0, 50));
    CHECK_FALSE(reader.take_skipped());
}

TEST_CASE(
    "a segment that can no longer be written, as after an I/O error, is left and the journal goes on in another") {
    // A file cut under its mapping faults as one does whose disk fails: SIGBUS at the first touch (mmap(2)).
    const TemporaryDirectory directory;
    constexpr journal::Limits limits{256U << 10, 1U << 30};
    const int outcome = in_child([&] {
        auto writer = journal::Writer::open(directory.path, limits);
        if (!writer) return 1;
        for (std::uint64_t i = 0; i < 100; ++i)
            if (!append_number_to(*writer, i)) return 2;
        auto reader = journal::Reader::open(directory.path);
        if (!reader || numbers_of(*reader) != number_range(0, 100)) return 3;
        std::filesystem::resize_file(only_segment(directory.path), 8192);
        std::uint64_t number = 100;
        while (append_number_to(*writer, number)) ++number;
        if (number > 200) return 4;
        for (; number < 300; ++number)
            if (!append_number_to(*writer, number)) return 5;
        // The reader had been at the end of what is now cut short.
        auto left = numbers_of(*reader);
        for (int i = 0; i < 100 && (left.empty() || left.back() != 299); ++i) {
            static_cast<void>(reader->wait(10));
            for (const auto one : numbers_of(*reader)) left.push_back(one);
        }
        return left == number_range(100, 300) ? 0 : 6;
    });
    CHECK(outcome == 0);
}

TEST_CASE("a reader whose segment is cut to nothing reads damage, and what comes after") {
    const TemporaryDirectory directory;
    constexpr journal::Limits limits{16U << 10, 1U << 30};
    const int outcome = in_child([&] {
        auto writer = journal::Writer::open(directory.path, limits);
        if (!writer) return 1;
        for (std::uint64_t i = 0; i < 10; ++i)
            if (!append_number_to(*writer, i)) return 2;
        auto reader = journal::Reader::open(directory.path);
        model::Frame frame;
        if (!reader || reader->next(frame) != journal::Reader::Next::frame) return 3;
        std::filesystem::resize_file(only_segment(directory.path), 0);
        static_cast<void>(append_number_to(*writer, 10));
        if (!append_number_to(*writer, 11)) return 4;
        std::vector<std::uint64_t> left;
        for (int i = 0; i < 100 && left.empty(); ++i) {
            left = numbers_of(*reader);
            static_cast<void>(reader->wait(10));
        }
        return left == number_range(11, 12) && reader->take_skipped() ? 0 : 5;
    });
    CHECK(outcome == 0);
}

namespace {

using Mishap = void (*)(const std::string& directory);

std::string newest_segment(const std::string& directory) {
    std::string newest;
    for (const auto& entry : std::filesystem::directory_iterator(directory))
        if (entry.path().extension() == ".seg") newest = std::max(newest, entry.path().string());
    return newest;
}

void check_goes_on_after(Mishap mishap, bool other_folder, std::uint64_t before) {
    const TemporaryDirectory parent;
    const auto directory = parent.path + "/journal";
    auto writer = open_writer(directory);
    auto reader = open_reader(directory);
    for (std::uint64_t i = 0; i < before; ++i) append_number(writer, i);
    REQUIRE(writer.sync());
    mishap(directory);
    append_number(writer, before);  // nobody has looked yet
    const auto synced = writer.sync();
    REQUIRE_FALSE(synced);
    CHECK(synced.error().message().find("removed, renamed or replaced") != std::string::npos);
    for (std::uint64_t i = before + 1; i < 100; ++i) append_number(writer, i);
    CHECK(writer.take_moved() == other_folder);
    CHECK_FALSE(writer.take_moved());
    CHECK(writer.sync());
    auto numbers = numbers_of(reader);
    auto behind = open_reader(directory, reader.position());
    for (const auto number : numbers_of(behind)) numbers.push_back(number);
    CHECK(numbers == number_range(0, 100));
    CHECK_FALSE(reader.take_skipped());
    CHECK_FALSE(behind.take_skipped());
    CHECK_FALSE(journal::Writer::open(directory));  // the lock is there, too
}

}  // namespace

TEST_CASE("a segment that somebody removes, renames or replaces while it is written") {
    for (const std::uint64_t before : {50U, 1U}) {
        check_goes_on_after([](const std::string& at) { std::filesystem::remove(newest_segment(at)); }, false, before);
        check_goes_on_after(
            [](const std::string& at) { std::filesystem::rename(newest_segment(at), at + "/../moved.seg"); }, false,
            before);
        check_goes_on_after(
            [](const std::string& at) {
                const auto path = newest_segment(at);
                std::filesystem::remove(path);
                std::ofstream(path) << "something else";
            },
            false, before);
    }
}

TEST_CASE("a folder that somebody removes, renames or replaces while a segment in it is written") {
    check_goes_on_after([](const std::string& at) { std::filesystem::remove_all(at); }, true, 50);
    check_goes_on_after([](const std::string& at) { std::filesystem::rename(at, at + ".moved"); }, true, 50);
    check_goes_on_after(
        [](const std::string& at) {
            std::filesystem::rename(at, at + ".moved");
            std::filesystem::create_directory(at);
        },
        true, 50);
}

TEST_CASE("a folder that cannot be made again is an error of append, and made when it can") {
    const TemporaryDirectory parent;
    const auto directory = parent.path + "/in/journal";
    std::filesystem::create_directory(parent.path + "/in");
    auto writer = open_writer(directory);
    append_number(writer, 0);
    std::filesystem::remove_all(parent.path + "/in");
    REQUIRE_FALSE(writer.sync());
    CHECK_FALSE(append_number_to(writer, 1));
    std::filesystem::create_directory(parent.path + "/in");
    append_number(writer, 1);
    auto reader = open_reader(directory);
    CHECK(numbers_of(reader) == number_range(1, 2));
}

TEST_CASE("an empty file with the name of a segment far ahead is not taken for the journal's last") {
    const TemporaryDirectory directory;
    for (const auto* const name : {"/fffffffffffffff8.seg", "/7ffffffffffffff8.seg"}) {
        std::ofstream(directory.path + name) << "";
        auto writer = open_writer(directory.path);
        auto reader = open_reader(directory.path);
        append_number(writer, 0);
        append_number(writer, 1);
        CHECK(numbers_of(reader).back() == 1);
        CHECK(reader.position() == writer.end());
        CHECK_FALSE(std::filesystem::exists(directory.path + name));
    }
}
