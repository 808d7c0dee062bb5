// Goal: the audit log is a function of the journal: whole, in order, nothing twice, whatever ends the writer; rotated
// as auditd does it. Method: a journal with records of known texts; the writer is begun anew on states of the files as
// an earlier one may have left them.
#include "lineage/ingest/audit_log.hpp"

#include <doctest/doctest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <thread>

#include "lineage/journal/journal.hpp"

using namespace lineage;
namespace fs = std::filesystem;

namespace {

constexpr std::uint16_t user_message = 1005;
constexpr std::uint16_t end_of_event = 1320;

struct Bench {
    fs::path folder;
    Bench() {
        char name[] = "/tmp/lineage-log-XXXXXX";
        REQUIRE(::mkdtemp(name) != nullptr);
        folder = name;
        options.journal = folder / "journal";
        options.file = folder / "audit.log";
        options.place = folder / "place";
        writer.emplace(journal::Writer::open(options.journal).value());
        control(model::Control::audit_up, std::string(1, '\1'));
    }
    ~Bench() { fs::remove_all(folder); }

    void control(model::Control type, const std::string& payload) {
        REQUIRE(writer->append({model::Source::control, static_cast<std::uint16_t>(type), 1, payload}));
    }
    void record(std::uint16_t type, const std::string& text) {
        REQUIRE(writer->append({model::Source::audit, type, 1, text}));
    }
    /// `count` more messages; what the log has to say of them comes to `wanted`.
    void records(int count) {
        for (int i = 0; i < count; ++i) {
            const auto id = "audit(1000.000:" + std::to_string(++serial) + "): ";
            record(user_message, id + "pid=1 msg='text'" + std::string(1, '\0'));
            record(end_of_event, id);
            wanted += "type=USER msg=" + id + "pid=1 msg='text'\n";
        }
        writer->publish();
    }
    base::Status write(int stop = 1) const { return ingest::write_audit_log(options, stop); }
    [[nodiscard]] std::string file(int number = 0) const {
        std::ifstream in(number == 0 ? options.file : options.file + "." + std::to_string(number));
        std::stringstream text;
        text << in.rdbuf();
        return text.str();
    }
    [[nodiscard]] std::string all() const {
        std::string text;
        for (int number = 20; number >= 0; --number) text += file(number);
        return text;
    }
    void put(const std::string& text) const { std::ofstream(options.file, std::ios::trunc) << text; }

    ingest::AuditLogOptions options;
    std::optional<journal::Writer> writer;
    std::string wanted;
    int serial = 0;
};

mode_t mode_of(const std::string& path) {
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    return status.st_mode & 07777;
}

}  // namespace

TEST_CASE("records become lines, EOE none; beside another daemon nothing is written") {
    Bench bench;
    bench.records(3);
    bench.control(model::Control::audit_up, std::string(1, '\0'));
    bench.record(user_message, "audit(1.000:9): pid=1 his");
    bench.writer->publish();
    REQUIRE(bench.write());
    CHECK(bench.file() == bench.wanted);
    CHECK(mode_of(bench.options.file) == 0600);
    REQUIRE(bench.write());
    CHECK(bench.file() == bench.wanted);
}

TEST_CASE("it goes on where it was, whatever the files hold beyond the place that is known") {
    Bench bench;
    bench.records(10);
    REQUIRE(bench.write());
    const auto before = bench.wanted;
    bench.records(10);
    const auto more = bench.wanted.substr(before.size());
    for (std::size_t held = 0; held <= more.size(); held += 7) {
        CAPTURE(held);
        fs::copy_file(bench.options.place, bench.folder / "kept", fs::copy_options::overwrite_existing);
        // As one that was killed left it: so much of what the place does not speak of.
        std::ofstream(bench.options.file, std::ios::app) << more.substr(0, held);
        REQUIRE(bench.write());
        CHECK(bench.file() == bench.wanted);
        fs::rename(bench.folder / "kept", bench.options.place);
        fs::resize_file(bench.options.file, before.size());
    }
}

TEST_CASE("what somebody else wrote meanwhile stays, and is no reason to write a line twice") {
    Bench bench;
    bench.records(2);
    REQUIRE(bench.write());
    auto held = bench.file();
    std::ofstream(bench.options.file, std::ios::app) << "type=DAEMON_START msg=audit(1:1): op=sta";
    const auto before = bench.wanted.size();
    bench.records(2);
    REQUIRE(bench.write());
    CHECK(bench.file() == held + "type=DAEMON_START msg=audit(1:1): op=sta\n" + bench.wanted.substr(before));
}

TEST_CASE("it is rotated as auditd does, and a restart knows the files again") {
    Bench bench;
    bench.options.file_bytes_max = 1000;
    bench.options.files = 4;
    bench.records(30);
    REQUIRE(bench.write());
    CHECK(bench.all() == bench.wanted);
    CHECK(bench.file(1).size() >= 1000);
    CHECK(bench.file(1).size() < 1100);
    CHECK(mode_of(bench.options.file + ".1") == 0400);
    CHECK(mode_of(bench.options.file) == 0600);
    // Killed after a rotation that its place does not know of.
    fs::copy_file(bench.options.place, bench.folder / "kept");
    bench.records(30);
    REQUIRE(bench.write());
    fs::rename(bench.folder / "kept", bench.options.place);
    REQUIRE(bench.write());
    CHECK(!fs::exists(bench.options.file + ".4"));
    const auto left = bench.all();
    CHECK(left == bench.wanted.substr(bench.wanted.size() - left.size()));
    CHECK(left.size() > 3000);
}

TEST_CASE("a new file keeps the mode of the one before, and one that is moved away is made again") {
    Bench bench;
    bench.put("");
    ::chmod(bench.options.file.c_str(), 0640);
    bench.options.file_bytes_max = 100;
    bench.records(3);
    REQUIRE(bench.write());
    CHECK(mode_of(bench.options.file) == 0640);
    CHECK(mode_of(bench.options.file + ".1") == 0440);
    fs::rename(bench.options.file, bench.folder / "moved");
    bench.records(1);
    REQUIRE(bench.write());
    CHECK(bench.file() + bench.file(1) != "");
}

TEST_CASE("a full disk is told, waited for, and costs nothing") {
    Bench bench;
    const auto disk = bench.folder / "disk";
    fs::create_directory(disk);
    if (::geteuid() != 0 || ::mount("none", disk.c_str(), "tmpfs", 0, "size=64k") != 0) {
        MESSAGE("skipped: mounting a small tmpfs needs root");
        return;
    }
    bench.options.file = disk / "audit.log";
    bench.options.retry_ms = 50;
    std::ofstream(disk / "ballast") << std::string(50'000, 'x');
    bench.records(1000);
    std::atomic<int> waits = 0;
    std::atomic<int> works = 0;
    bench.options.tell = [&](const base::Status& status) { ++(status ? works : waits); };
    volatile int stop = 0;
    std::thread writing([&] { CHECK(ingest::write_audit_log(bench.options, stop)); });
    const auto until = [](const auto& holds) {
        for (int tries = 0; tries < 500 && !holds(); ++tries) ::usleep(10'000);
        return holds();
    };
    CHECK(until([&] { return waits > 0; }));
    fs::remove(disk / "ballast");
    CHECK(until([&] { return works > 1; }));
    stop = 1;
    writing.join();
    CHECK(bench.file() == bench.wanted);
    ::umount(disk.c_str());
}
