// SqliteWriter::keep_within(): the dead behind the horizon, then what only they referred to, then the file's size.
#include <algorithm>

#include "writer.hpp"

namespace lineage::store {
namespace {

constexpr std::int64_t log_bytes_max = 16LL << 20;
constexpr std::int64_t page_bytes = 8192;
constexpr int pages_a_step = 512;
constexpr std::int64_t forgotten_a_sweep = 10'000;  // at least; a sweep looks at every row that is left

std::int64_t log_share(std::int64_t bytes_max) {
    return bytes_max == 0 ? log_bytes_max : std::min(log_bytes_max, bytes_max / 4);
}

}  // namespace

/// A small database has a small log: SQLite writes it back when it has grown to half its share, and cuts it to that.
void SqliteWriter::share_out(const Bounds& bounds) {
    if (bytes_shared_ == bounds.bytes_max) return;
    bytes_shared_ = bounds.bytes_max;
    const auto share = log_share(bounds.bytes_max);
    database_->execute(("PRAGMA wal_autocheckpoint = " + std::to_string(share / 2 / page_bytes)).c_str());
    database_->execute(("PRAGMA journal_size_limit = " + std::to_string(share)).c_str());
}

base::Result<bool> SqliteWriter::keep_within(const Bounds& bounds, model::TimeNs now_ns) {
    share_out(bounds);
    Bounds own = bounds;
    // Some pages are to be free before the bound is reached: a batch must fit in.
    if (bounds.bytes_max != 0) own.bytes_max = (bounds.bytes_max - log_share(bounds.bytes_max)) / 8 * 7;
    const bool too_much = horizon_.must_advance(own, now_ns);
    const bool too_long =
        bounds.bytes_max != 0 && file_bytes(*database_) > bounds.bytes_max - log_share(bounds.bytes_max);
    const bool is_bounded = bounds.bytes_max != 0 || bounds.age_ns_max != 0;
    const bool too_many = is_bounded && horizon_.must_trim();
    const auto forget_before_ns = records_.must_forget(bounds, now_ns);
    if (auto status = database_->take_failure(); !status) return tl::unexpected(status.error());
    if (!too_much && !too_long && !too_many && !forget_before_ns && !sweep_.running()) return false;

    if (auto begun = begin(); !begun) return tl::unexpected(begun.error());
    if (too_much) forgotten_ += horizon_.advance();
    if (too_many) horizon_.trim();
    if (forget_before_ns) records_.forget_some(*forget_before_ns);
    const auto kept = largest_id_ - horizon_.first_id();
    if (!sweep_.running() && forgotten_ > std::max(forgotten_a_sweep, kept / 8)) {
        sweep_.begin();
        last_credentials_.reset();  // what is handed out from here on has to be reported
        forgotten_ = 0;
    }
    const bool was_deleting = sweep_.deleting();
    sweep_.step();
    if (!was_deleting && sweep_.deleting()) forget_interned();
    // Gives pages at the file's end back; a database that was made without auto_vacuum only uses them again.
    if (too_long) {
        Statement vacuum(*database_, "PRAGMA incremental_vacuum(" + std::to_string(pages_a_step) + ")");
        vacuum.start().run();
    }
    if (auto done = commit(); !done) return tl::unexpected(done.error());
    return too_much || too_many || forget_before_ns.has_value() || sweep_.running();
}

}  // namespace lineage::store
