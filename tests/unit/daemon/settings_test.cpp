// Goal: a configuration file is taken exactly as written or refused with its line; the journal lies beside the
// database. Method: small files in a temporary place.
#include "lineage/daemon/settings.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

using namespace lineage;

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
    daemon::Settings settings;
    const auto read = daemon::read_config(file.path(), settings);
    REQUIRE_FALSE(read.has_value());
    CHECK(read.error().exit == base::ExitCode::usage);
    return read.error().message().substr(file.path().size());
}

}  // namespace

TEST_CASE("every setting is taken, with comments, blanks and CRLF around it") {
    const File file(
        "# lineage\r\n\n queue_bytes=1048576 # one MiB\nbacklog_limit\t=\t100000\nbacklog_wait_ms = 0\r\n"
        "journal_bytes_max = 10000000000\ncommit_ms = 1000");
    daemon::Settings settings;
    REQUIRE(daemon::read_config(file.path(), settings).has_value());
    CHECK(settings.queue_bytes == 1 << 20);
    CHECK(settings.backlog_limit == 100'000);
    CHECK(settings.backlog_wait_ms == 0);
    CHECK(settings.journal_bytes_max == 10'000'000'000);
    CHECK(settings.commit_ms == 1000);
}

TEST_CASE("a mistake names its line") {
    CHECK(refusal("commit_ms = 5\nnonsense = 1\n") == ":2: there is no setting `nonsense`");
    CHECK(refusal("\n\ncommit_ms") == ":3: expected `key = value`");
    CHECK(refusal("commit_ms = 5s") == ":1: commit_ms must be a number from 1 to 60000");
    CHECK(refusal("commit_ms =").rfind(":1: commit_ms must be", 0) == 0);
    CHECK(refusal("commit_ms = 0").rfind(":1: commit_ms must be", 0) == 0);
    CHECK(refusal("backlog_wait_ms = -1").rfind(":1: backlog_wait_ms must be", 0) == 0);
    CHECK(refusal("queue_bytes = 99999999999999999999").rfind(":1: queue_bytes must be", 0) == 0);
}

TEST_CASE("a file that is missing or a directory is refused") {
    daemon::Settings settings;
    CHECK_FALSE(daemon::read_config("/nonexistent/lineage.conf", settings).has_value());
    CHECK_FALSE(daemon::read_config("/tmp", settings).has_value());
}

TEST_CASE("the journal lies beside the database") {
    CHECK(daemon::journal_of("/var/lib/lineage/lineage.db") == "/var/lib/lineage/lineage.journal");
    CHECK(daemon::journal_of("/a.b/history") == "/a.b/history.journal");
}
