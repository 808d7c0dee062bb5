// Goal: whatever becomes of the database's disk and file, the history goes on where it stood once it can, nothing of it
// twice and nothing missing. Method: a real journal, a real database, and the fault made for real: a file system of its
// own that is full, a file that is removed, replaced, overwritten.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>
#include <vector>

#include "lineage/base/codec.hpp"
#include "lineage/base/unique_fd.hpp"
#include "lineage/ingest/pipeline.hpp"
#include "lineage/journal/journal.hpp"
#include "lineage/procfs/entry.hpp"

using namespace lineage;
namespace fs = std::filesystem;

namespace {

struct Folder {
    Folder() { REQUIRE(::mkdtemp(path.data()) != nullptr); }
    ~Folder() { fs::remove_all(path); }
    std::string path = "/tmp/lineage-faults-XXXXXX";
};

constexpr int skipped = 77;
constexpr std::int64_t second_ns = 1'000'000'000;
constexpr std::int64_t boot_ns = 1'000 * second_ns;

model::Frame control(model::Control type, std::string_view payload = {}) {
    return {.source = model::Source::control,
            .type = static_cast<std::uint16_t>(type),
            .received_ns = boot_ns + second_ns,
            .payload = payload};
}

bool append_boot(journal::Writer& writer) {
    std::string boot;
    base::Encoder out(boot);
    out.put_bytes("a-boot");
    out.put_bytes("a-host");
    out.put(boot_ns);
    out.put(boot_ns);
    return writer.append(control(model::Control::boot, boot)).has_value();
}

/// Processes of pid `from`, `from` + 1, ... as a look at /proc finds them, children of pid 1.
bool append_processes(journal::Writer& writer, model::Pid from, int count) {
    for (model::Pid pid = from; pid < from + count; ++pid) {
        model::Seen seen;
        seen.pid = pid;
        seen.ppid = pid == 1 ? 0 : 1;
        seen.started_ns = boot_ns + pid * 1'000'000LL;
        seen.read_ns = boot_ns + 3600 * second_ns;
        seen.comm = "p";
        seen.exe = "/usr/bin/program-" + std::to_string(pid);
        seen.argv = {seen.exe, std::string(40, 'x')};
        seen.ns_pids = {pid};
        seen.tids = {pid};
        const auto payload = procfs::encode(seen);
        if (!writer.append({.source = model::Source::procfs, .received_ns = seen.read_ns, .payload = payload}))
            return false;
    }
    writer.publish();
    return true;
}

/// Pids in the database beside pid 0; -1 where one is there twice, or cannot be read.
int processes_in(const std::string& path) {
    const auto reader = store::open_reader(path);
    if (!reader) return -1;
    std::vector<bool> seen(100'000);
    int count = 0;
    bool twice = false;
    const auto done = (*reader)->select({}, [&](model::Node&& node) {
        const auto pid = static_cast<std::size_t>(node.process.pid);
        twice |= seen[pid];
        seen[pid] = true;
        count += pid != 0;
        return true;
    });
    return done && !twice ? count : -1;
}

bool comes_true(const std::function<bool()>& condition) {
    for (int left = 2000; left > 0; --left) {
        if (condition()) return true;
        ::usleep(5000);
    }
    return false;
}

/// A follower in a thread of its own, and what it told.
struct Following {
    Following(const std::string& journal, const std::string& database) {
        options.journal = journal;
        options.commit_ms = 5;
        options.retry_ms = 20;
        options.tell = [this](const base::Status& status) { (status ? recovered : troubled) += 1; };
        thread = std::thread([this, database] {
            auto writer = store::open_writer(database);
            if (writer) outcome = ingest::follow(options, **writer, stop);
            ended = true;
        });
    }
    ~Following() {
        if (thread.joinable()) static_cast<void>(end());
    }
    base::Status end() {
        stop = 1;
        thread.join();
        return outcome;
    }
    ingest::FollowOptions options;
    volatile int stop = 0;
    std::atomic<int> troubled = 0, recovered = 0;
    std::atomic<bool> ended = false;
    base::Status outcome;
    std::thread thread;
};

int in_child(const std::function<int()>& work) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) ::_exit(work());
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

constexpr int many = 8000;

/// 0, or the number of the step that failed.
int wait_out_a_full_disk(const std::string& folder) {
    const std::string disk = folder + "/disk";
    fs::create_directory(disk);
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("none", disk.c_str(), "tmpfs", 0, "size=16m") != 0)
        return skipped;
    const std::string filler = disk + "/filler";
    std::ofstream(filler) << std::string((16U << 20) - (600U << 10), 'f');
    auto writer = journal::Writer::open(folder + "/journal", {1U << 20, 1U << 30});
    if (!writer || !append_boot(*writer) || !append_processes(*writer, 1, many)) return 1;
    Following following(folder + "/journal", disk + "/lineage.db");
    if (!comes_true([&] { return following.troubled > 0; })) return 2;
    if (!append_processes(*writer, many + 1, 100)) return 3;  // capture goes on meanwhile
    ::usleep(100'000);
    if (following.ended || following.recovered != 0) return 4;
    fs::remove(filler);
    if (!comes_true([&] { return following.recovered == 1; })) return 5;
    if (!following.end()) return 6;
    return processes_in(disk + "/lineage.db") == many + 100 ? 0 : 7;
}

}  // namespace

TEST_CASE("a full disk under the database: the tracker says so, waits, and catches up when there is space") {
    const Folder folder;
    const int outcome = in_child([&] { return wait_out_a_full_disk(folder.path); });
    if (outcome == skipped) {
        MESSAGE("skipped: needs root for a file system of its own");
        return;
    }
    CHECK(outcome == 0);
}

TEST_CASE("a database that is removed while it is written comes back with all it had") {
    const Folder folder;
    const auto path = folder.path + "/lineage.db";
    auto writer = journal::Writer::open(folder.path + "/journal", {1U << 20, 1U << 30});
    REQUIRE(writer);
    REQUIRE(append_boot(*writer));
    REQUIRE(append_processes(*writer, 1, 50));
    Following following(folder.path + "/journal", path);
    REQUIRE(comes_true([&] { return processes_in(path) == 50; }));
    const base::UniqueFd kept(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    fs::remove(path);
    fs::remove(path + "-wal");
    fs::remove(path + "-shm");
    REQUIRE(append_processes(*writer, 51, 50));
    REQUIRE(comes_true([&] { return following.ended.load(); }));
    const auto failed = following.end();
    REQUIRE_FALSE(failed);
    CHECK(failed.error().remedy == base::Remedy::checking);
    CHECK(failed.error().message() == "database " + path + ": its file was removed, renamed or replaced");
    const auto back = store::put_back(path, kept.get());
    REQUIRE(back);
    CHECK(*back);
    REQUIRE(store::check(path));
    CHECK(processes_in(path) >= 50);
    Following again(folder.path + "/journal", path);
    CHECK(comes_true([&] { return processes_in(path) == 100; }));
    CHECK(again.end());
}

TEST_CASE("a database that was cut to nothing is not whole") {
    const Folder folder;
    const auto path = folder.path + "/lineage.db";
    { REQUIRE(store::open_writer(path)); }
    REQUIRE(store::check(path));
    fs::resize_file(path, 0);
    const auto checked = store::check(path);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().remedy == base::Remedy::recovery);
    CHECK(checked.error().message() == "database " + path + ": damaged: emptied");
}

TEST_CASE("another file in the database's place is set aside, not overwritten") {
    const Folder folder;
    const auto path = folder.path + "/lineage.db";
    { REQUIRE(store::open_writer(path)); }
    const base::UniqueFd kept(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    CHECK(store::put_back(path, kept.get()) == false);
    fs::rename(path, folder.path + "/elsewhere.db");
    std::ofstream(path) << "somebody's";
    CHECK(store::put_back(path, kept.get()) == true);
    CHECK(store::open_reader(path));
    CHECK(store::open_reader(folder.path + "/elsewhere.db"));
    int aside = 0;
    for (const auto& entry : fs::directory_iterator(folder.path)) {
        if (entry.path().filename().string().starts_with("lineage.db.displaced-") && entry.file_size() == 10) ++aside;
    }
    CHECK(aside == 1);
}

TEST_CASE("what somebody else writes into the database's file is noticed before the next transaction, and checked") {
    const Folder folder;
    const auto path = folder.path + "/lineage.db";
    auto writer = store::open_writer(path);
    REQUIRE(writer);
    for (int i = 0; i < 3; ++i) {  // what we write ourselves is no trouble
        REQUIRE((*writer)->begin());
        (*writer)->set_fact("a", std::string(100'000, 'x'));
        REQUIRE((*writer)->commit());
    }
    {
        const base::UniqueFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
        const std::string garbage(8192, '\xff');
        REQUIRE(::pwrite(file.get(), garbage.data(), garbage.size(), 8192) == 8192);
    }
    const auto begun = (*writer)->begin();
    REQUIRE_FALSE(begun);
    CHECK(begun.error().remedy == base::Remedy::checking);
    writer->reset();
    // Whether the log held a newer copy of that page is SQLite's business; now nothing does.
    const base::UniqueFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    const std::string garbage(8192, '\xff');
    REQUIRE(::pwrite(file.get(), garbage.data(), garbage.size(), 8192) == 8192);
    const auto checked = store::check(path);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().remedy == base::Remedy::recovery);
}
