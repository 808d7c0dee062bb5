#include "rows.hpp"

#include "lineage/base/check.hpp"

namespace lineage::store {
namespace {

// Bit positions in `marks`.
constexpr int born_witnesses_bit = 4;
constexpr int ended_witnesses_bit = 8;
constexpr int inferred_bit = 12;
constexpr int kernel_thread_bit = 16;
constexpr int core_dumped_bit = 17;
constexpr unsigned four_bits = 0xf;

constexpr unsigned field(std::int64_t marks, int bit) {
    return static_cast<unsigned>(marks >> bit) & four_bits;
}
constexpr std::int64_t placed(unsigned value, int bit) {
    CHECK(value <= four_bits);
    return static_cast<std::int64_t>(value) << bit;
}

// Times and serials may come from forged logs: their differences wrap round, and back again when they are read.
std::int64_t sum(std::int64_t a, std::int64_t b) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
std::int64_t difference(std::int64_t a, std::int64_t b) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

}  // namespace

std::int64_t marks_of(const model::Process& process) {
    auto marks = placed(static_cast<unsigned>(process.born.how), 0) |
                 placed(process.born.witnesses, born_witnesses_bit) |
                 placed(static_cast<unsigned>(process.inferred), inferred_bit) |
                 placed(process.kernel_thread ? 1 : 0, kernel_thread_bit);
    if (process.ended) {
        marks |= placed(process.ended->witnesses, ended_witnesses_bit) |
                 placed(process.ended->core_dumped ? 1 : 0, core_dumped_bit);
    }
    return marks;
}

std::optional<std::int64_t> lived_ns_of(const model::Process& process) {
    if (!process.ended) return std::nullopt;
    return difference(process.ended->time_ns, process.born.time_ns);
}

std::optional<std::int64_t> ended_after_of(const model::Process& process) {
    if (!process.ended || process.ended->serial == 0) return std::nullopt;
    return difference(process.ended->serial, process.born.serial);
}

std::optional<std::int64_t> status_of(const model::Process& process) {
    if (!process.ended) return std::nullopt;
    if (process.ended->signal) return -1 - static_cast<std::int64_t>(*process.ended->signal);
    if (process.ended->code) return *process.ended->code;
    return std::nullopt;
}

std::optional<std::int64_t> column_of(std::uint32_t user) {
    return user == model::unset_uid ? std::nullopt : std::optional<std::int64_t>(user);
}

std::uint32_t user_of(std::optional<std::int64_t> column) {
    return column ? static_cast<std::uint32_t>(*column) : model::unset_uid;
}

ProcessRow read_process(const Statement& row) {
    ProcessRow result;
    auto& process = result.process;
    process.id = row.integer(0);
    process.boot = row.integer(1);
    process.pid = static_cast<model::Pid>(row.integer(2));
    if (const auto ns_pid = row.optional(3)) process.ns_pid = static_cast<model::Pid>(*ns_pid);
    process.parent = row.integer(4);
    process.ppid = static_cast<model::Pid>(row.integer(5));
    process.born.time_ns = row.integer(6);
    process.born.serial = row.integer(7);
    const auto marks = row.integer(8);
    process.born.how = static_cast<model::How>(field(marks, 0));
    process.born.witnesses = static_cast<model::Witnesses>(field(marks, born_witnesses_bit));
    process.inferred = static_cast<model::Inferred>(field(marks, inferred_bit));
    process.kernel_thread = (marks >> kernel_thread_bit & 1) != 0;
    if (const auto lived_ns = row.optional(9)) {
        auto& end = process.ended.emplace();
        end.time_ns = sum(process.born.time_ns, *lived_ns);
        if (const auto after = row.optional(10)) end.serial = sum(process.born.serial, *after);
        const auto status = row.optional(11);
        if (status && *status < 0) end.signal = static_cast<std::int32_t>(-1 - *status);
        if (status && *status >= 0) end.code = static_cast<std::int32_t>(*status);
        end.core_dumped = (marks >> core_dumped_bit & 1) != 0;
        end.witnesses = static_cast<model::Witnesses>(field(marks, ended_witnesses_bit));
    }
    result.credentials = row.integer(12);
    result.comm = row.optional(13);
    process.image_owner = row.optional(14).value_or(process.id);
    process.image_seq = static_cast<std::int32_t>(row.integer(15));
    return result;
}

ImageRow read_image(const Statement& row) {
    ImageRow result;
    result.owner = row.integer(0);
    result.image.seq = static_cast<std::int32_t>(row.integer(1));
    result.image.time_ns = row.integer(2);
    result.image.serial = row.integer(3);
    result.exe = row.optional(4);
    result.script = row.optional(5);
    result.comm = row.optional(6);
    result.cwd = row.optional(7);
    result.argv = row.optional(8);
    result.credentials = row.integer(9);
    result.image.witnesses = static_cast<model::Witnesses>(row.integer(10));
    return result;
}

model::Tamper read_tamper(const Statement& row) {
    return {row.integer(0),
            row.integer(1),
            row.integer(2),
            row.text(3),
            row.integer(4),
            row.integer(5) != 0,
            static_cast<model::Pid>(row.integer(6)),
            user_of(row.optional(7)),
            row.integer(8),
            row.integer(9),
            row.integer(10)};
}

AttemptRow read_attempt(const Statement& row) {
    AttemptRow result;
    result.attempt.seq = static_cast<std::int32_t>(row.integer(0));
    result.attempt.time_ns = row.integer(1);
    result.attempt.serial = row.integer(2);
    result.path = row.optional(3);
    result.attempt.error = static_cast<std::int32_t>(row.integer(4));
    result.cwd = row.optional(5);
    return result;
}

}  // namespace lineage::store
