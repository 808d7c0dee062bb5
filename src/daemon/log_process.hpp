// The audit log's writer (ingest/audit_log.hpp) as a process of its own. Capture parses no record and must never wait
// for a disk; the tracker can open nothing for writing. So it is a third one, which reads the journal and writes the
// log's files, as root, who owns them, but without any capability, and caged (cage.hpp).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "lineage/base/result.hpp"
#include "lineage/base/unique_fd.hpp"
#include "lineage/settings/settings.hpp"

namespace lineage::daemon {

using settings::Settings;

class LogProcess {
public:
    /// Forks. The one before must have been reaped. `from`: see ingest::AuditLogOptions.
    base::Status spawn(const Settings& settings, std::uint64_t from);
    [[nodiscard]] bool running() const { return pid_ > 0; }

    /// `waits`: the log cannot be written for now, see trouble(); `works`: it can; `gone`: it is dead or dying.
    enum class News { none, waits, works, gone };
    News read_news();
    [[nodiscard]] int news_fd() const { return channel_.get(); }
    [[nodiscard]] const base::Error& trouble() const { return trouble_; }

    /// Has it end where the journal ends now.
    void stop() const;
    std::optional<int> reap();
    /// Has it read to the end; true when it has ended well within `wait_ms`.
    bool finish(int wait_ms);

private:
    [[noreturn]] static void be_writer(const Settings& settings, std::uint64_t from, int channel, pid_t parent);

    pid_t pid_ = -1;
    base::UniqueFd channel_;
    base::Error trouble_;
};

}  // namespace lineage::daemon
