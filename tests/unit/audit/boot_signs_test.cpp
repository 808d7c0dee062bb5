// Goal: another boot in a host's log is noticed where it begins, and nothing else is taken for one. Method: records as
// (type, seconds, serial), with how many begin a boot.
#include "lineage/audit/boot_signs.hpp"

#include <doctest/doctest.h>
#include <libaudit.h>

#include <vector>

using lineage::audit::BootSigns;

namespace {

struct Record {
    int type;
    double seconds;
    std::int64_t serial;
};

/// The places of the records that begin one.
std::vector<int> boots_in(const std::vector<Record>& records) {
    BootSigns signs;
    std::vector<int> boots;
    for (std::size_t i = 0; i < records.size(); ++i) {
        const auto& one = records[i];
        lineage::audit::LineStamp stamp;
        stamp.type = static_cast<std::uint16_t>(one.type);
        stamp.time_ns = static_cast<std::int64_t>(one.seconds * 1e9);
        stamp.serial = one.serial;
        if (signs.begins(stamp)) boots.push_back(static_cast<int>(i));
    }
    return boots;
}

using Places = std::vector<int>;
constexpr int call = AUDIT_SYSCALL;

}  // namespace

TEST_CASE("serials that begin anew while time goes on are another boot") {
    CHECK(boots_in({{call, 100, 5000}, {call, 101, 5001}, {call, 160, 30}, {call, 161, 31}}) == Places{2});
    CHECK(boots_in({{call, 100, 40}, {call, 160, 12}}) == Places{1});
    CHECK(boots_in({{call, 100, 40}, {AUDIT_KERNEL, 5, 1}, {call, 6, 2}}) == Places{1});  // with a clock that is wrong
}

TEST_CASE("records out of their order are not") {
    CHECK(boots_in({{call, 100, 5000}, {call, 100.004, 4990}, {call, 99, 5001}, {call, 101.2, 4999}}).empty());
    CHECK(boots_in({{call, 100, 5000}, {call, 20, 100}, {call, 100, 5001}}).empty());  // a call that took long
    CHECK(boots_in({{call, 100, 1}, {call, 100, 5}, {call, 100.5, 2}}).empty());
}

TEST_CASE("auditd's own serials count for nothing, but its start after a shutdown does") {
    CHECK(boots_in({{call, 100, 5000}, {AUDIT_DAEMON_END, 110, 77}, {AUDIT_DAEMON_START, 120, 4}, {call, 121, 5001}})
              .empty());
    CHECK(boots_in({{AUDIT_SYSTEM_SHUTDOWN, 100, 50}, {AUDIT_DAEMON_START, 130, 4}, {call, 131, 90}}) == Places{1});
}

TEST_CASE("systemd's word for a boot counts where the serials do not tell") {
    CHECK(boots_in({{call, 100, 50}, {AUDIT_SYSTEM_BOOT, 110, 60}}).empty());  // the one that the log begins with
    CHECK(boots_in({{AUDIT_SYSTEM_BOOT, 110, 60}, {call, 120, 70}, {AUDIT_SYSTEM_BOOT, 200, 80}}) == Places{2});
    CHECK(boots_in({{call, 100, 50}, {AUDIT_SYSTEM_BOOT, 2000, 60}}) == Places{1});
    CHECK(boots_in({{call, 100, 5000}, {call, 160, 3}, {AUDIT_SYSTEM_BOOT, 165, 60}}) == Places{1});
}

TEST_CASE("a SYSTEM_BOOT that the same kernel has counted is somebody's message") {
    CHECK(
        boots_in(
            {{call, 100, 5000}, {AUDIT_SYSTEM_SHUTDOWN, 110, 5001}, {AUDIT_SYSTEM_BOOT, 111, 5002}, {call, 112, 5003}})
            .empty());
    CHECK(boots_in({{AUDIT_SYSTEM_BOOT, 100, 10}, {call, 110, 5000}, {AUDIT_SYSTEM_BOOT, 2000, 5001}}).empty());
}
