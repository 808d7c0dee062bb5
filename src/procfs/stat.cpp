#include "stat.hpp"

#include <array>
#include <charconv>

namespace lineage::procfs {

namespace {
constexpr std::uint64_t kernel_thread_flag = 0x00200000;  // PF_KTHREAD, include/linux/sched.h
// Fields by their number in proc(5), counted from the first one behind comm.
constexpr int state_field = 3;
constexpr int ppid_field = 4;
constexpr int tty_field = 7;
constexpr int flags_field = 9;
constexpr int threads_field = 20;
constexpr int start_field = 22;
}  // namespace

std::optional<Stat> parse_stat(std::string_view text) {
    const auto open = text.find('(');
    const auto close = text.rfind(')');  // nothing behind comm holds one
    if (open == std::string_view::npos || close == std::string_view::npos || close < open || text.size() < close + 4)
        return std::nullopt;
    Stat stat;
    stat.comm = text.substr(open + 1, close - open - 1);
    stat.state = text[close + 2];
    std::array<std::int64_t, start_field + 1> value{};
    const char* at = text.data() + close + 3;
    const char* const end = text.data() + text.size();
    for (std::size_t field = state_field + 1; field <= start_field; ++field) {
        while (at != end && *at == ' ') ++at;
        // Flags are unsigned but fit; the signal masks and addresses stand behind starttime.
        const auto [next, error] = std::from_chars(at, end, value[field]);
        if (error != std::errc{}) return std::nullopt;
        at = next;
    }
    stat.ppid = static_cast<std::int32_t>(value[ppid_field]);
    stat.tty = static_cast<std::uint32_t>(value[tty_field]);
    stat.kernel_thread = (static_cast<std::uint64_t>(value[flags_field]) & kernel_thread_flag) != 0;
    stat.threads = value[threads_field];
    stat.start_ticks = value[start_field];
    return stat;
}

}  // namespace lineage::procfs
