// Goal: the lineage.toml that the package installs is one that lineaged takes, and what it calls a default is the
// default. Method: it is read as it stands, and with every commented setting in force: each of these lines must be
// taken and none may change a value.
#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <regex>

#include "lineage/settings/settings.hpp"

using namespace lineage;

namespace {

constexpr const char* packaged = LINEAGE_SOURCE "/packaging/lineage.toml";

settings::Settings read(const std::string& path) {
    settings::Settings settings;
    const auto done = settings::read_config(path, settings);
    if (!done) FAIL(done.error().message());
    return settings;
}

}  // namespace

TEST_CASE("the packaged lineage.toml is taken, with a bound for the history") {
    CHECK(read(packaged).history_bytes_max == 20ULL << 30);
}

TEST_CASE("what the packaged lineage.toml calls a default is one") {
    const std::string path = "/tmp/lineage_toml." + std::to_string(::getpid());
    int settings = 0;
    {
        const std::regex commented("^# ([a-z_]+ = .*)$");
        std::ifstream in(packaged);
        std::ofstream out(path);
        std::smatch match;
        for (std::string line; std::getline(in, line);) {
            const bool is_setting = std::regex_match(line, match, commented);
            out << (is_setting ? match[1].str() : line) << '\n';
            settings += is_setting ? 1 : 0;
        }
    }
    const auto as_it_stands = read(packaged);
    const auto with_all = read(path);
    std::remove(path.c_str());
    CHECK(settings >= 12);
    CHECK(settings::keys_for_restart(as_it_stands, with_all).empty());
    CHECK(with_all.sync_ms == as_it_stands.sync_ms);
    CHECK(with_all.backlog_limit == as_it_stands.backlog_limit);
    CHECK(with_all.backlog_wait_ms == as_it_stands.backlog_wait_ms);
    CHECK(with_all.journal_bytes_max == as_it_stands.journal_bytes_max);
    CHECK(with_all.history_seconds_max == as_it_stands.history_seconds_max);
    CHECK(with_all.rules_check_ms == as_it_stands.rules_check_ms);
    CHECK(with_all.rules_heartbeat_s == as_it_stands.rules_heartbeat_s);
    CHECK(with_all.rules_alarm_interval_s == as_it_stands.rules_alarm_interval_s);
}
