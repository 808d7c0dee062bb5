#include "lineage/audit/boot_signs.hpp"

#include <libaudit.h>

#include <algorithm>

#include "event.hpp"

namespace lineage::audit {
namespace {

constexpr model::TimeNs boot_takes_ns = 1'000'000'000;               // at least, from the last record to the first
constexpr model::TimeNs boot_told_after_ns = 600 * 1'000'000'000LL;  // at most, from the first record to SYSTEM_BOOT
constexpr std::int64_t displaced_max = 64;  // as AssemblerLimits::slack: records are not further from their place

}  // namespace

bool BootSigns::is_sign(const LineStamp& record) const {
    if (record.type == AUDIT_DAEMON_START) return shutdown_told_;
    if (counter_of(record.type) == Counter::auditd) return false;
    if (record.type == AUDIT_KERNEL && record.serial == 1 && newest_serial_ > 1) return true;
    const bool goes_on = record.serial == newest_serial_ + 1;  // it is the same kernel that counts
    if (record.type == AUDIT_SYSTEM_BOOT && !goes_on && newest_ns_ < record.time_ns &&
        (boot_told_ || shutdown_told_ || record.time_ns - began_ns_ > boot_told_after_ns))
        return true;
    const bool has_fallen = record.serial < newest_serial_ - displaced_max || record.serial < newest_serial_ / 2;
    return has_fallen && record.time_ns > newest_ns_ + boot_takes_ns;
}

bool BootSigns::begins(const LineStamp& record) {
    const bool is_first = !any_;
    const bool is_new = !is_first && is_sign(record);
    if (is_first || is_new) {
        *this = {};
        any_ = true;
        began_ns_ = record.time_ns;
    }
    boot_told_ = boot_told_ || record.type == AUDIT_SYSTEM_BOOT;
    shutdown_told_ = shutdown_told_ || record.type == AUDIT_SYSTEM_SHUTDOWN;
    if (counter_of(record.type) == Counter::kernel) {
        newest_serial_ = std::max(newest_serial_, record.serial);
        newest_ns_ = std::max(newest_ns_, record.time_ns);
    }
    return is_new;
}

}  // namespace lineage::audit
