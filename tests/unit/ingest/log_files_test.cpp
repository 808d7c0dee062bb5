// Goal: every line of every kind of input comes once, in order, byte for byte, and an input that cannot be read is an
// error that names it and hides nothing of the others. Method: files in a temporary directory, compared with what was
// put in.
#include "log_files.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

using lineage::ingest::LogFiles;
using Names = std::vector<std::string>;
using Lines = std::vector<std::string>;

namespace {

struct TemporaryDirectory {
    std::string path = "/tmp/lineage-logs.XXXXXX";
    TemporaryDirectory() { REQUIRE(::mkdtemp(path.data()) != nullptr); }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory() { std::filesystem::remove_all(path); }

    [[nodiscard]] std::string file(const std::string& name, const std::string& contents) const {
        std::ofstream(path + "/" + name, std::ios::binary) << contents;
        return path + "/" + name;
    }
    [[nodiscard]] std::string gzip(const std::string& name, const std::string& contents) const {
        const auto full = path + "/" + name;
        gzFile file = ::gzopen(full.c_str(), "w");
        REQUIRE(::gzwrite(file, contents.data(), static_cast<unsigned>(contents.size())) ==
                static_cast<int>(contents.size()));
        REQUIRE(::gzclose(file) == Z_OK);
        return full;
    }
};

/// Reads all of it; an error's message stands between the lines where it came, after "!".
Lines lines_of(LogFiles& logs) {
    Lines lines;
    std::string_view line;
    for (;;) {
        const auto next = logs.next(line);
        if (!next)
            lines.push_back("!" + next.error().message());
        else if (*next == LogFiles::Next::at_end)
            return lines;
        else
            lines.emplace_back(line);
    }
}
Lines lines_of(const Names& names) {
    LogFiles logs(names);
    return lines_of(logs);
}

std::string contents_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// Standard input is `fd` for as long as it lives.
struct StandardInput {
    int kept = ::dup(STDIN_FILENO);
    explicit StandardInput(int fd) { ::dup2(fd, STDIN_FILENO); }
    StandardInput(const StandardInput&) = delete;
    StandardInput& operator=(const StandardInput&) = delete;
    ~StandardInput() {
        ::dup2(kept, STDIN_FILENO);
        ::close(kept);
    }
};

}  // namespace

TEST_CASE("lines as they are: empty ones, NUL bytes, CR LF, a last one without newline") {
    const TemporaryDirectory directory;
    const std::string text("one\n\ntwo\r\n\0x\0\n\r\r\nlast", 21);
    CHECK(lines_of(Names{directory.file("a", text)}) == Lines{"one", "", "two", std::string("\0x\0", 3), "\r", "last"});
    CHECK(lines_of(Names{directory.file("b", "")}).empty());
    CHECK(lines_of(Names{directory.file("c", "\n")}) == Lines{""});
    CHECK(lines_of(Names{}).empty());
}

TEST_CASE("files follow one another, a missing last newline does not join two of them") {
    const TemporaryDirectory directory;
    const Names names{directory.file("a", "1\n2"), directory.gzip("b", "3\n4"), directory.file("c", "5\n")};
    LogFiles logs(names);
    CHECK(lines_of(logs) == Lines{"1", "2", "3", "4", "5"});
    CHECK(logs.bytes() == 8);
}

TEST_CASE("lines of random lengths over the block's border, plain, compressed, and in several members") {
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    std::string text;
    Lines expected;
    while (text.size() < 8U << 20) {
        expected.emplace_back(random() % 100 == 0 ? random() % 3'000'000 : random() % 500,
                              static_cast<char>('a' + random() % 26));
        text += expected.back() + "\n";
    }
    const TemporaryDirectory directory;
    CHECK(lines_of(Names{directory.file("plain", text)}) == expected);
    const auto compressed = directory.gzip("compressed", text.substr(0, text.size() / 2));
    std::ofstream(compressed, std::ios::binary | std::ios::app)
        << contents_of(directory.gzip("rest", text.substr(text.size() / 2)));
    CHECK(lines_of(Names{compressed}) == expected);
}

TEST_CASE("a line that is too long is cut and counted, what follows it is not hurt") {
    constexpr auto max = lineage::ingest::line_bytes_max;
    const TemporaryDirectory directory;
    const std::string fits(max, 'f');
    const std::string one_over(max + 1, '1');
    const std::string over(2 * max + 12345, 'o');
    const Names names{directory.file("a", "before\n" + fits + "\n" + over + "\nafter\n" + one_over + "\n" + over),
                      directory.file("b", "next\n")};
    LogFiles logs(names);
    const auto lines = lines_of(logs);
    REQUIRE(lines.size() == 7);
    CHECK(lines[0] == "before");
    CHECK(lines[1] == fits);
    CHECK(lines[2] == over.substr(0, max));
    CHECK(lines[3] == "after");
    CHECK(lines[4] == one_over.substr(0, max));
    CHECK(lines[5] == over.substr(0, max));
    CHECK(lines[6] == "next");
    CHECK(logs.cut_lines() == 3);
}

TEST_CASE("rotated sets are read oldest first, everything else in the order given") {
    using lineage::ingest::oldest_first;
    CHECK(oldest_first({"audit.log", "audit.log.1", "audit.log.10", "audit.log.2.gz"}) ==
          Names{"audit.log.10", "audit.log.2.gz", "audit.log.1", "audit.log"});
    CHECK(oldest_first({"z", "b/audit.log.1", "a/audit.log", "b/audit.log", "a/audit.log.1", "-"}) ==
          Names{"z", "b/audit.log.1", "b/audit.log", "a/audit.log.1", "a/audit.log", "-"});
    CHECK(oldest_first({"audit.log", "audit.log-20260921", "audit.log-20260923.gz", "audit.log-2026092214"}) ==
          Names{"audit.log-20260921", "audit.log-2026092214", "audit.log-20260923.gz", "audit.log"});
    CHECK(oldest_first({"web-2", "web-1", "a-20260923", "b-20260921"}) ==
          Names{"web-2", "web-1", "a-20260923", "b-20260921"});
    CHECK(oldest_first({"c", "a", "b", "a"}) == Names{"c", "a", "a", "b"});
    CHECK(oldest_first({"x.12345678901", "x", ".1", "y.", "1"}) == Names{"x.12345678901", "x", ".1", "y.", "1"});
}

TEST_CASE("an input that cannot be read is an error that names it, and the others are read") {
    const TemporaryDirectory directory;
    const auto good = directory.file("good", "line\n");
    const auto missing = directory.path + "/missing";
    CHECK(lines_of(Names{good, missing, good}) == Lines{"line", "line", "!" + missing + ": No such file or directory"});
    CHECK(lines_of(Names{directory.path, good}) == Lines{"!" + directory.path + ": is a directory", "line"});
}

TEST_CASE("a compressed file cut at any byte, or damaged, gives its beginning and then an error") {
    const TemporaryDirectory directory;
    std::string text;
    for (int i = 0; i < 200; ++i) text += std::to_string(i * 7919) + "\n";
    const auto whole = contents_of(directory.gzip("whole", text));
    for (std::size_t length = 2; length < whole.size(); ++length) {
        CAPTURE(length);
        const auto cut = directory.file("cut", whole.substr(0, length));
        auto lines = lines_of(Names{cut});
        REQUIRE_FALSE(lines.empty());
        REQUIRE(lines.back() == "!" + cut + ": the compressed file is cut short");
        lines.pop_back();
        std::string read;
        for (const auto& line : lines) read += line + "\n";
        if (!read.empty()) read.pop_back();
        REQUIRE(text.compare(0, read.size(), read) == 0);
    }
    std::string damaged = whole;
    damaged[damaged.size() - 6] = static_cast<char>(damaged[damaged.size() - 6] ^ 1);  // the member's CRC
    const auto file = directory.file("damaged", damaged);
    CHECK(lines_of(Names{file}).back() == "!" + file + ": the compressed file is damaged");
}

TEST_CASE("standard input, also as a pipe that is slow, also compressed") {
    const TemporaryDirectory directory;
    const auto text = contents_of(directory.gzip("in", "from\nstdin"));
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    std::thread writing([&] {
        for (const char byte : text) {
            if (::write(ends[1], &byte, 1) != 1) return;
        }
        ::close(ends[1]);
    });
    {
        const StandardInput input(ends[0]);
        CHECK(lines_of(Names{"-"}) == Lines{"from", "stdin"});
    }
    writing.join();
    ::close(ends[0]);
}
