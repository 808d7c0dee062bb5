// Goal: a configuration file is taken exactly as written or refused with its line; the journal lies beside the
// database. Method: small files in a temporary place.
#include "lineage/settings/settings.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

using namespace lineage;
using namespace std::string_literals;

namespace {

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

std::string refusal(const std::string& text) {
    const File file(text);
    settings::Settings settings;
    const auto read = settings::read_config(file.path(), settings);
    REQUIRE_FALSE(read.has_value());
    CHECK(read.error().exit == base::ExitCode::usage);
    return read.error().message().substr(file.path().size());
}

}  // namespace

TEST_CASE("every setting is taken") {
    const File file(R"(# lineage
db = "/srv/history.db"
journal_dir = '/srv/journal'
source = "multicast"
queue_bytes = 1_048_576 # one MiB
backlog_limit = 100000
backlog_wait_ms = 0
commit_ms = 1000
sync_ms = 250
journal.max_size = "10 G"
[history]
max_size = "200G"
max_age = "90d"
[records]
max_size = "1M"
max_age = "2w"
[audit_log]
file = "/srv/audit.log"
max_size = "8M"
files = 3
[rules]
install = false
lock = true
check_ms = 500
heartbeat_s = 0
alarm_interval_s = 5
[user]
tracker = "nobody")");
    settings::Settings settings;
    const auto read = settings::read_config(file.path(), settings);
    REQUIRE_MESSAGE(read.has_value(), read.error().message());
    CHECK(settings.database == "/srv/history.db");
    CHECK(settings.journal() == "/srv/journal");
    CHECK(settings.source == settings::SourceChoice::multicast);
    CHECK(settings.queue_bytes == 1 << 20);
    CHECK(settings.backlog_limit == 100'000);
    CHECK(settings.backlog_wait_ms == 0);
    CHECK(settings.commit_ms == 1000);
    CHECK(settings.sync_ms == 250);
    CHECK(settings.journal_bytes_max == 10ULL << 30);
    CHECK(settings.history_bytes_max == 200ULL << 30);
    CHECK(settings.history_seconds_max == 90 * 86'400);
    CHECK(settings.records_bytes_max == 1ULL << 20);
    CHECK(settings.records_seconds_max == 14 * 86'400);
    CHECK(settings.audit_log_file == "/srv/audit.log");
    CHECK(settings.audit_log_bytes_max == 8ULL << 20);
    CHECK(settings.audit_log_files == 3);
    CHECK_FALSE(settings.rules);
    CHECK(settings.rules_lock);
    CHECK(settings.rules_check_ms == 500);
    CHECK(settings.rules_heartbeat_s == 0);
    CHECK(settings.rules_alarm_interval_s == 5);
    CHECK(settings.tracker_user == "nobody");
}

TEST_CASE("a mistake names its line and what would be right") {
    CHECK(refusal("commit_ms = 5\nnonsense = 1\n") == ":2: there is no setting `nonsense`");
    CHECK(refusal("commit_ms = 5\n[journal]\nmax_sise = '1G'\n") == ":3: there is no setting `journal.max_sise`");
    CHECK(refusal("[jurnal]\nmax_size = '1G'\n") == ":1: there is no setting `jurnal`");
    CHECK(refusal("rules = true\n") == ":1: [rules] must be a table");
    CHECK(refusal("commit_ms.x = 1") == ":1: commit_ms must be a number from 1 to 60000");
    CHECK(refusal("zzz = 1\ncommit_ms = 0").rfind(":1:", 0) == 0);  // the first, not the first by name
    CHECK(refusal("\n\ncommit_ms").rfind(":3: ", 0) == 0);
    CHECK(refusal("commit_ms = 5s").rfind(":1: ", 0) == 0);
    CHECK(refusal("commit_ms = 5\ncommit_ms = 6").rfind(":2: ", 0) == 0);
    CHECK(refusal("\"a\\u001b[31m\" = 1") == ":1: there is no setting `a?[31m`");
}

TEST_CASE("every value has bounds and a type") {
    CHECK(refusal("commit_ms = 0") == ":1: commit_ms must be a number from 1 to 60000");
    CHECK(refusal("commit_ms = 1.5") == ":1: commit_ms must be a number from 1 to 60000");
    CHECK(refusal("backlog_wait_ms = -1").rfind(":1: backlog_wait_ms must be", 0) == 0);
    CHECK(refusal("queue_bytes = 9999999999").rfind(":1: queue_bytes must be", 0) == 0);
    CHECK(refusal("sync_ms = '1s'").rfind(":1: sync_ms must be", 0) == 0);
    CHECK(refusal("db = 'lineage.db'") == ":1: db must be an absolute path");
    CHECK(refusal("source = 'tape'").rfind(":1: source must be \"auto\"", 0) == 0);
    CHECK(refusal("[journal]\nmax_size = '1M'").rfind(":2: journal.max_size must be a size", 0) == 0);
    CHECK(refusal("[journal]\nmax_size = 0").rfind(":2: journal.max_size must be a size", 0) == 0);
    CHECK(refusal("[history]\nmax_size = '99999999999T'").rfind(":2: history.max_size", 0) == 0);
    CHECK(refusal("[history]\nmax_age = '3 months'").rfind(":2: history.max_age", 0) == 0);
    CHECK(refusal("[history]\nmax_age = 7").rfind(":2: history.max_age", 0) == 0);
    CHECK(refusal("[rules]\nlock = 1") == ":2: rules.lock must be true or false");
    CHECK(refusal("[user]\ntracker = 'a:b'") == ":2: user.tracker must be the name of a user");
}

TEST_CASE("the bounds of every value are taken, what lies beyond them is not") {
    struct Bounds {
        std::string name;
        std::string least;
        std::string below;
        std::string most;  ///< none: ""
        std::string above;
    };
    const auto name_of = [](std::size_t size) { return "'" + std::string(size, 'u') + "'"; };
    for (const Bounds& one : std::vector<Bounds>{
             {"queue_bytes", "65536", "65535", "1073741824", "1073741825"},
             {"backlog_limit", "64", "63", "16777216", "16777217"},
             {"backlog_wait_ms", "0", "-1", "600000", "600001"},
             {"commit_ms", "1", "0", "60000", "60001"},
             {"sync_ms", "10", "9", "3600000", "3600001"},
             {"journal.max_size", "'32M'", "'31M'", "", "'16777216T'"},
             {"history.max_size", "'16M'", "'15M'", "", "'16777216T'"},
             {"history.max_age", "'60s'", "'59s'", "", "'99999999999999y'"},
             {"records.max_size", "'1M'", "'1023K'", "", "'16777216T'"},
             {"records.max_age", "'1min'", "'59s'", "", "'99999999999999y'"},
             {"audit_log.max_size", "'64K'", "'63K'", "", "'16777216T'"},
             {"audit_log.files", "1", "0", "999", "1000"},
             {"rules.check_ms", "10", "9", "3600000", "3600001"},
             {"rules.heartbeat_s", "0", "-1", "86400", "86401"},
             {"rules.alarm_interval_s", "1", "0", "86400", "86401"},
             {"user.tracker", name_of(1), "''", name_of(32), name_of(33)},
             {"db", "'/'", "''", "", "\"/a\\u0000b\""},
             {"journal_dir", "'/'", "'a/b'", "", "\"/a\\u0000b\""},
             {"audit_log.file", "''", "'a/b'", "", "\"/a\\u0000b\""},
         }) {
        settings::Settings settings;
        for (const auto& good : {one.least, one.most}) {
            if (good.empty()) continue;
            CHECK_MESSAGE(settings::read_config(File(one.name + " = " + good).path(), settings), one.name, " = ", good);
        }
        for (const auto& bad : {one.below, one.above})
            CHECK_MESSAGE(refusal("\n" + one.name + " = " + bad).rfind(":2: " + one.name + " must be", 0) == 0,
                          one.name, " = ", bad);
    }
}

TEST_CASE("a file that is refused changes nothing") {
    const File file("commit_ms = 7\nsync_ms = 0\n");
    settings::Settings settings;
    CHECK_FALSE(settings::read_config(file.path(), settings).has_value());
    CHECK(settings.commit_ms == settings::Settings{}.commit_ms);
}

TEST_CASE("nothing bounds a history by 0, and an empty file says nothing") {
    settings::Settings settings;
    CHECK(settings::read_config(File("[history]\nmax_age = 0\nmax_size = 0\n").path(), settings).has_value());
    CHECK(settings::read_config(File("").path(), settings).has_value());
    CHECK(settings::read_config("/dev/null", settings).has_value());
    CHECK(settings::keys_for_restart(settings, {}).empty());
}

TEST_CASE("a file that is missing or a directory is refused") {
    settings::Settings settings;
    CHECK_FALSE(settings::read_config("/nonexistent/lineage.toml", settings).has_value());
    CHECK_FALSE(settings::read_config("/tmp", settings).has_value());
}

TEST_CASE("a file that has no end, or that somebody has yet to write, is refused at once") {
    const File file("");
    const auto pipe = file.path() + ".pipe";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    settings::Settings settings;
    for (const auto& path : {pipe, "/dev/zero"s, "/dev/full"s}) CHECK_FALSE(settings::read_config(path, settings));
    ::unlink(pipe.c_str());
}

TEST_CASE("what a running lineaged takes over, and what it names as left for a restart") {
    const settings::Settings running;
    settings::Settings wanted;
    wanted.sync_ms = 20;
    wanted.queue_bytes = 1 << 20;
    wanted.database = "/elsewhere.db";
    const auto merged = settings::with_live(running, wanted);
    CHECK(merged.sync_ms == 20);
    CHECK(merged.queue_bytes == running.queue_bytes);
    CHECK(settings::keys_for_restart(running, wanted) == std::vector<std::string>{"db", "queue_bytes"});
}

TEST_CASE("the journal lies beside the database unless it is told where") {
    settings::Settings settings;
    CHECK(settings.journal() == "/var/lib/lineage/lineage.journal");
    settings.database = "/a.b/history";
    CHECK(settings.journal() == "/a.b/history.journal");
}
