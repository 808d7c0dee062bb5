// The records of one event out of a log: lines are looked at only where its serial stands in them.
#include <fcntl.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "lineage/audit/record.hpp"
#include "lineage/base/unique_fd.hpp"
#include "lineage/trace/event.hpp"

namespace lineage::trace {

namespace {

constexpr std::size_t block_bytes = 1U << 20;
constexpr std::size_t line_bytes_max = 16U << 20;
constexpr model::TimeNs stamp_slack_ns = 1'000'000'000;

struct CloseGz {
    void operator()(gzFile file) const { ::gzclose_r(file); }
};

class LogRecords final : public RecordSource {
public:
    explicit LogRecords(std::string path) : path_(std::move(path)) {}

    base::Result<std::vector<Records>> records(model::TimeNs time_ns, std::int64_t serial) override {
        std::string found;
        // What is within a second may begin in the file before, and no earlier.
        for (int number = 0, more = 1; more >= 0; ++number) {
            const auto name = number == 0 ? path_ : path_ + "." + std::to_string(number);
            base::UniqueFd fd(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
            if (!fd && errno == ENOENT && number > 0) fd.reset(::open((name + ".gz").c_str(), O_RDONLY | O_CLOEXEC));
            if (!fd && number > 0) break;
            if (!fd) return base::fail_errno(name, errno);
            std::string older;
            if (auto status = search(std::move(fd), name, time_ns, serial, older); !status)
                return tl::unexpected(status.error());
            found.insert(0, older);
            if (!found.empty()) --more;
        }
        if (found.empty()) return std::vector<Records>();
        return std::vector<Records>{{{}, std::move(found)}};
    }
    [[nodiscard]] std::string name() const override { return path_; }

private:
    static base::Status search(base::UniqueFd fd, const std::string& name, model::TimeNs time_ns, std::int64_t serial,
                               std::string& found) {
        const std::unique_ptr<gzFile_s, CloseGz> file(::gzdopen(fd.get(), "r"));
        if (!file) return base::fail(name, "out of memory");
        static_cast<void>(fd.release());
        const auto mark = ":" + std::to_string(serial) + ")";
        std::string held;
        for (;;) {
            const auto before = held.size();
            held.resize(before + block_bytes);
            const int count = ::gzread(file.get(), held.data() + before, block_bytes);
            int error = Z_OK;
            if (count <= 0) ::gzerror(file.get(), &error);
            if (error == Z_BUF_ERROR) return base::fail(name, "the compressed file is cut short");
            if (count < 0) return base::fail(name, "cannot be read to its end");
            held.resize(before + static_cast<std::size_t>(count));
            const auto newline = held.rfind('\n');
            const bool flush = count == 0 || held.size() > line_bytes_max;
            const auto whole = flush ? held.size() : newline == std::string::npos ? 0 : newline + 1;
            search(std::string_view(held).substr(0, whole), mark, time_ns, serial, found);
            held.erase(0, whole);
            if (count == 0) return {};
        }
    }

    static void search(std::string_view text, const std::string& mark, model::TimeNs time_ns, std::int64_t serial,
                       std::string& found) {
        for (auto at = text.find(mark); at != std::string_view::npos; at = text.find(mark, at)) {
            const auto newline = text.rfind('\n', at);
            const auto begin = newline == std::string_view::npos ? 0 : newline + 1;
            const auto end = std::min(text.find('\n', at), text.size());
            const auto line = text.substr(begin, end - begin);
            const auto record = audit::record_of(line);
            if (record && record->serial == serial && record->time_ns >= time_ns - stamp_slack_ns &&
                record->time_ns <= time_ns + stamp_slack_ns)
                found.append(line).push_back('\n');
            at = end;
        }
    }

    std::string path_;
};

}  // namespace

std::unique_ptr<RecordSource> log_records(std::string path) {
    return std::make_unique<LogRecords>(std::move(path));
}

}  // namespace lineage::trace
