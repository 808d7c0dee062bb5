// Goal: times as people write them mean what they meant, and nothing else is taken for a time.
// Method: tables of texts and their Unix nanoseconds, in zones with and without summer time.
#include <doctest/doctest.h>

#include <cstdlib>
#include <ctime>

#include "lineage/query/query.hpp"

using namespace lineage;

namespace {

constexpr model::TimeNs second_ns = 1'000'000'000;
constexpr model::TimeNs now_ns = 1'763'720'000 * second_ns + 5;  // 2025-11-21T10:13:20Z

class Zone {
public:
    explicit Zone(const char* zone) { set(zone); }
    ~Zone() { set("UTC0"); }
    Zone(const Zone&) = delete;
    Zone& operator=(const Zone&) = delete;

private:
    static void set(const char* zone) {
        ::setenv("TZ", zone, 1);
        ::tzset();
    }
};

// POSIX rules and not names, so that no zone database is needed.
constexpr const char* berlin = "CET-1CEST,M3.5.0,M10.5.0/3";

model::TimeNs parsed(const char* text) {
    const auto time_ns = query::parse_time(text, now_ns);
    if (!time_ns) FAIL(time_ns.error().message());
    return *time_ns;
}

}  // namespace

TEST_CASE("moments with a zone mean the same everywhere") {
    for (const char* zone : {"UTC0", berlin, "NPT-5:45"}) {
        const Zone here(zone);
        CAPTURE(zone);
        CHECK(parsed("2025-11-21T10:13:20Z") == 1'763'720'000 * second_ns);
        CHECK(parsed("2025-11-21t10:13:20.5z") == 1'763'720'000 * second_ns + 500'000'000);
        CHECK(parsed("2025-11-21 10:13:20.123456789Z") == 1'763'720'000 * second_ns + 123'456'789);
        CHECK(parsed("2025-11-21T10:13:20.1234567899Z") == 1'763'720'000 * second_ns + 123'456'789);
        CHECK(parsed("2025-11-21T11:13:20+01:00") == 1'763'720'000 * second_ns);
        CHECK(parsed("2025-11-21T04:43:20-0530") == 1'763'720'000 * second_ns);
        CHECK(parsed("2025-11-21T10:13Z") == 1'763'719'980 * second_ns);
        CHECK(parsed("2016-12-31T23:59:60Z") == 1'483'228'800 * second_ns);
        CHECK(parsed("2024-02-29T00:00:00Z") == 1'709'164'800 * second_ns);
        CHECK(parsed("@1763720000.25") == 1'763'720'000 * second_ns + 250'000'000);
        CHECK(parsed("@0") == 0);
        CHECK(parsed("1763720000") == 1'763'720'000 * second_ns);
        CHECK(parsed("1763720000.123") == 1'763'720'000 * second_ns + 123'000'000);
    }
}

TEST_CASE("moments without a zone are local") {
    {
        const Zone here("UTC0");
        CHECK(parsed("2025-11-21") == 1'763'683'200 * second_ns);
        CHECK(parsed("2025-11-21T10:13:20") == 1'763'720'000 * second_ns);
        CHECK(parsed("10:13:20") == 1'763'720'000 * second_ns);
        CHECK(parsed("23:00") == 1'763'766'000 * second_ns);
    }
    const Zone here(berlin);
    CHECK(parsed("2025-11-21") == (1'763'683'200 - 3600) * second_ns);
    CHECK(parsed("2025-11-21 11:13:20.5") == 1'763'720'000 * second_ns + 500'000'000);
    CHECK(parsed("2025-07-01T02:00:00") == 1'751'328'000 * second_ns);  // summer: two hours ahead
    CHECK(parsed("11:13:20") == 1'763'720'000 * second_ns);
    CHECK(parsed("11:13") == 1'763'719'980 * second_ns);
}

TEST_CASE("ages count back from now") {
    CHECK(parsed("now") == now_ns);
    CHECK(parsed("30s") == now_ns - 30 * second_ns);
    CHECK(parsed("10m") == now_ns - 600 * second_ns);
    CHECK(parsed("2h30m ago") == now_ns - 9000 * second_ns);
    CHECK(parsed("1w2d") == now_ns - 9 * 86'400 * second_ns);
}

TEST_CASE("what is no time is refused as usage, with examples") {
    for (const char* text : {"",
                             " ",
                             "ago",
                             " ago",
                             "yesterday",
                             "10",
                             "4242",
                             "12345678",
                             "10x",
                             "m",
                             "2h30",
                             "-5m",
                             "1763720000.",
                             "1763720000.x",
                             "@",
                             "@x",
                             "@-1",
                             "2025-13-01",
                             "2025-02-29",
                             "2025-11-31",
                             "2025-11-00",
                             "2025-11-21T",
                             "2025-11-21T24:00",
                             "2025-11-21T10",
                             "24:00",
                             "10:60",
                             "1:30",
                             "10:30:",
                             "10:30:61",
                             "2025-11-21T10:13:20ZZ",
                             "2025-11-21T10:13:20+1",
                             "2025-11-21T10:13:20 Z",
                             "1969-12-31T23:59:59Z",
                             "9999-01-01",
                             "999999999999999999",
                             "@99999999999999999999",
                             "999999999w",
                             "99999w",
                             "2025-11-21x",
                             "now "}) {
        CAPTURE(text);
        const auto time_ns = query::parse_time(text, now_ns);
        REQUIRE_FALSE(time_ns);
        CHECK(time_ns.error().exit == base::ExitCode::usage);
        CHECK(time_ns.error().message().find("2026-11-21") != std::string::npos);
    }
}
