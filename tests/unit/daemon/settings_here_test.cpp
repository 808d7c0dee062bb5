// Goal: what is wrong on this machine alone is refused before anything is touched, with the line where a file says it.
// Method: small files and folders in a temporary place.
#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "lineage/daemon/daemon.hpp"
#include "tracker_process.hpp"

using namespace lineage;
using namespace std::string_literals;
namespace fs = std::filesystem;

namespace {

struct TemporaryFolder {
    TemporaryFolder() { REQUIRE(::mkdtemp(path.data()) != nullptr); }
    ~TemporaryFolder() { fs::remove_all(path); }
    std::string path = "/tmp/lineage-settings-XXXXXX";
};

class File {
public:
    explicit File(const std::string& text) {
        ::close(::mkstemp(path_));
        std::ofstream(path_) << text;
    }
    ~File() { ::unlink(path_); }
    [[nodiscard]] std::string path() const { return path_; }

private:
    char path_[32] = "/tmp/lineage-config-XXXXXX";
};

}  // namespace

TEST_CASE("what is wrong on this machine alone names its line, too, where a file says it") {
    const TemporaryFolder folder;
    fs::create_directory(folder.path + "/lineage.journal");
    std::ofstream(folder.path + "/lineage.db") << "";
    fs::create_hard_link(folder.path + "/lineage.db", folder.path + "/hard");
    fs::create_directory_symlink(folder.path, folder.path + "/link");
    fs::create_symlink(folder.path + "/nothing", folder.path + "/dangling");
    const auto refused = [&](std::string text) {
        for (auto at = text.find('@'); at != std::string::npos; at = text.find('@')) text.replace(at, 1, folder.path);
        const File file(text);
        daemon::Settings given;
        given.database = folder.path + "/lineage.db";
        REQUIRE(settings::read_config(file.path(), given));
        const auto checked = daemon::check_on_this_machine(given);
        if (checked) return "taken"s;
        CHECK(checked.error().exit == base::ExitCode::usage);
        const auto message = checked.error().message();
        CHECK(message.substr(0, file.path().size()) == file.path());
        return message.substr(file.path().size(), 3);
    };
    for (const auto* const log : {"@/lineage.db", "@/lineage.db-wal", "@/lineage.db-shm", "@/lineage.db.lock", "@/hard",
                                  "@/link/lineage.db", "@/no/../lineage.db", "@/lineage.journal/x",
                                  "@/link/lineage.journal/lock", "/", "@", "@/no/log", "/dev/null"})
        CHECK_MESSAGE(refused("\n[audit_log]\nfile = '" + std::string(log) + "'") == ":3:", log);
    CHECK(refused("[audit_log]\nfile = '@/audit.log'") == "taken");
    CHECK(refused("[audit_log]\nfile = '@/lineage.journal.log'") == "taken");
    for (const auto* const database : {"@/dangling", "@/no/no/x.db", "@", "@/lineage.db/x", "/dev/null"})
        CHECK_MESSAGE(refused("\ndb = '" + std::string(database) + "'") == ":2:", database);
    CHECK(refused("db = '/" + std::string(5000, 'x') + "'") == ":1:");
    CHECK(refused("db = '@/new/x.db'\njournal_dir = '@/new/journal'") == "taken");
    for (const auto* const journal : {"@/dangling", "@/no/journal", "@/lineage.db", "@/lineage.db/x"})
        CHECK_MESSAGE(refused("journal_dir = '" + std::string(journal) + "'") == ":1:", journal);
    CHECK(refused("journal_dir = '@/journal'") == "taken");
    if (::geteuid() != 0) return;
    CHECK(refused("[user]\ntracker = 'root'") == ":2:");
    CHECK(refused("\n[user]\ntracker = 'nobody-of-lineage'") == ":3:");
}

TEST_CASE("how much history is kept is what the settings say") {
    daemon::Settings given;
    given.history_bytes_max = 1;
    given.history_seconds_max = 2;
    given.records_bytes_max = 3;
    given.records_seconds_max = 4;
    const auto bounds = daemon::bounds_of(given);
    CHECK(bounds.bytes_max == 1);
    CHECK(bounds.age_ns_max == 2'000'000'000);
    CHECK(bounds.records_bytes_max == 3);
    CHECK(bounds.records_age_ns_max == 4'000'000'000);
}
