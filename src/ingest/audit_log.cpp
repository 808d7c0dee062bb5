#include "lineage/ingest/audit_log.hpp"

#include <fcntl.h>
#include <linux/audit.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <optional>

#include "lineage/audit/record.hpp"
#include "lineage/base/codec.hpp"
#include "lineage/journal/journal.hpp"
#include "rotated_log.hpp"

namespace lineage::ingest {

namespace {

constexpr std::size_t batch_bytes = 256U << 10;
constexpr std::uint64_t place_every_bytes = 4U << 20;
constexpr auto place_every = std::chrono::seconds(1);
constexpr int wait_ms = 1000;
using Clock = std::chrono::steady_clock;

/// Everything before `position` is in the log, which then had `bytes` bytes in the file `inode`.
struct Place {
    journal::Position position = 0;
    ino_t inode = 0;
    std::uint64_t bytes = 0;
    bool alone = true;  ///< the records at `position` come to us as the only daemon
};

std::optional<Place> read_place(const std::string& path) {
    const base::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    char text[256] = {};
    if (!file || ::read(file.get(), text, sizeof text - 1) <= 0) return std::nullopt;
    unsigned long long position = 0;
    unsigned long long inode = 0;
    unsigned long long bytes = 0;
    int alone = 0;
    if (std::sscanf(text, "1 %llu %llu %llu %d\n", &position, &inode, &bytes, &alone) != 4) return std::nullopt;
    return Place{position, static_cast<ino_t>(inode), bytes, alone != 0};
}

base::Status write_place(const std::string& path, const Place& place) {
    char text[256];
    const int size =
        std::snprintf(text, sizeof text, "1 %llu %llu %llu %d\n", static_cast<unsigned long long>(place.position),
                      static_cast<unsigned long long>(place.inode), static_cast<unsigned long long>(place.bytes),
                      place.alone ? 1 : 0);
    const auto unfinished = path + ".new";
    const base::UniqueFd file(::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file || ::write(file.get(), text, static_cast<std::size_t>(size)) != size ||
        ::rename(unfinished.c_str(), path.c_str()) != 0)
        return base::fail_errno("write " + path, errno);
    return {};
}

class LogWriter {
public:
    LogWriter(const AuditLogOptions& options, const volatile int& stop)
        : options_(options), stop_(stop), log_(options.file, {options.file_bytes_max, options.files}) {}

    base::Status run() {
        if (auto begun = begin(); !begun) return begun;
        if (!reader_) return {};  // told to stop before the log could be opened
        model::Frame frame;
        for (;;) {
            auto next = reader_->next(frame);
            if (!next) return tl::unexpected(next.error());
            const bool at_end = *next == journal::Reader::Next::at_end;
            if (!at_end) take(frame);
            if (!at_end && lines_.size() < batch_bytes) continue;
            if (!write()) return {};  // told to stop before the log could be written
            if (at_end && stop_ != 0) return remember();
            if (due())
                if (auto done = remember(); !done) tell(done);
            if (at_end) reader_->wait(wait_ms);
        }
    }

private:
    base::Status begin() {
        // The directory may be on a disk that is in trouble now.
        while (true) {
            auto opened = log_.open();
            tell(opened);
            if (opened) break;
            if (pause()) return {};
        }
        Place place{options_.from, log_.inode(), log_.bytes(), true};
        const auto known = read_place(options_.place);
        if (known) place = *known;
        if (!known)
            if (auto written = write_place(options_.place, place); !written) return written;
        auto reader = journal::Reader::open(options_.journal, place.position);
        if (!reader && known) {  // another journal's
            place = {options_.from, log_.inode(), log_.bytes(), true};
            reader = journal::Reader::open(options_.journal, place.position);
        }
        if (!reader) return tl::unexpected(reader.error());
        reader_.emplace(std::move(*reader));
        alone_ = place.alone;
        auto written = log_.since(place.inode, place.bytes);
        if (!written) return tl::unexpected(written.error());
        written_ = std::move(*written);
        return {};
    }

    void take(const model::Frame& frame) {
        if (reader_->take_skipped())
            options_.tell(
                base::fail("audit log " + options_.file,
                           "lines are missing: the journal had to let go of records before they were written"));
        if (frame.source == model::Source::control &&
            frame.type == static_cast<std::uint16_t>(model::Control::audit_up))
            alone_ = base::Decoder(frame.payload).get<bool>();
        constexpr std::string_view stamp = "audit(";
        const bool is_line = frame.source == model::Source::audit && alone_ && frame.type != AUDIT_EOE &&
                             frame.payload.substr(0, stamp.size()) == stamp;
        if (!is_line) return;
        const auto before = lines_.size();
        audit::append_raw_line(frame.type, frame.payload, lines_);
        if (passing_over_) pass_over(before);
    }

    /// The line that begins at `begin` of lines_: does the log hold it already?
    void pass_over(std::size_t begin) {
        const auto line = std::string_view(lines_).substr(begin);
        const auto held = std::string_view(written_).substr(passed_);
        if (!held.empty() && held.substr(0, line.size()) == line) {
            passed_ += line.size();
            return lines_.resize(begin);
        }
        passing_over_ = false;
        if (!held.empty() && line.substr(0, held.size()) == held) {
            lines_.erase(begin, held.size());  // it was being written
        } else if (log_.torn()) {
            lines_.insert(begin, "\n");  // somebody else's
        }
        written_ = {};
    }

    /// False: told to stop meanwhile.
    bool write() {
        while (!lines_.empty()) {
            const auto before = lines_.size();
            const auto status = log_.write(lines_);
            since_place_ += before - lines_.size();
            tell(status);
            if (!status && pause()) return false;
        }
        return true;
    }

    [[nodiscard]] bool due() const {
        if (reader_->position() == placed_at_) return false;
        return since_place_ >= place_every_bytes || Clock::now() - placed_ >= place_every;
    }

    base::Status remember() {
        placed_ = Clock::now();
        if (passing_over_ && passed_ < written_.size()) return {};  // the files are further than we are
        if (auto synced = log_.sync(); !synced) return synced;
        since_place_ = 0;
        placed_at_ = reader_->position();
        return write_place(options_.place, {placed_at_, log_.inode(), log_.bytes(), alone_});
    }

    void tell(const base::Status& status) {
        if (status && !troubled_) return;
        troubled_ = !status;
        options_.tell(status);
    }

    /// True: told to stop.
    bool pause() {
        for (int waited_ms = 0; waited_ms < options_.retry_ms && stop_ == 0; waited_ms += 100) ::poll(nullptr, 0, 100);
        return stop_ != 0;
    }

    const AuditLogOptions& options_;
    const volatile int& stop_;
    RotatedLog log_;
    std::optional<journal::Reader> reader_;
    bool alone_ = true;
    std::string lines_;    ///< not yet written
    std::string written_;  ///< what the log held behind the place, at the start
    std::size_t passed_ = 0;
    bool passing_over_ = true;
    std::uint64_t since_place_ = 0;
    journal::Position placed_at_ = 0;
    Clock::time_point placed_ = Clock::now();
    bool troubled_ = true;  ///< nobody has been told otherwise
};

}  // namespace

base::Status write_audit_log(const AuditLogOptions& options, const volatile int& stop_requested) {
    return LogWriter(options, stop_requested).run();
}

}  // namespace lineage::ingest
