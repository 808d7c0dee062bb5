#include "log_keeper.hpp"

#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lineage/base/check.hpp"

namespace lineage::daemon {

namespace {

constexpr int respawn_pause_s = 2;

}  // namespace

base::Status LogKeeper::start(bool is_audit_daemon, std::uint64_t from) {
    if (settings_.audit_log_file.empty()) return {};
    if (!is_audit_daemon) {
        operator_.say(Priority::warning, "audit log " + settings_.audit_log_file +
                                             ": is not written, since we are not the audit daemon (--source)");
        return {};
    }
    from_ = from;
    timer_.reset(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    CHECK(timer_);
    return writer_.spawn(settings_, from_);
}

void LogKeeper::attach(capture::Capture& capture) {
    if (!writer_.running()) return;
    capture_ = &capture;
    capture_->watch(writer_.news_fd(), [this] { on_news(); });
    capture_->watch(timer_.get(), [this] { spawn(); });
}

void LogKeeper::spawn() {
    std::uint64_t expirations = 0;
    (void)!::read(timer_.get(), &expirations, sizeof expirations);
    const auto spawned = writer_.spawn(settings_, from_);
    if (!spawned) return tell(spawned);
    capture_->watch(writer_.news_fd(), [this] { on_news(); });
}

void LogKeeper::on_news() {
    switch (writer_.read_news()) {
        case LogProcess::News::waits:
            return tell(tl::unexpected(writer_.trouble()));
        case LogProcess::News::works:
            return tell({});
        case LogProcess::News::gone:
            return capture_->unwatch(writer_.news_fd());  // SIGCHLD is on its way
        case LogProcess::News::none:
            return;
    }
}

/// One that was told to begin anew is started at once, one that died after a pause.
void LogKeeper::on_child_end() {
    const auto status = writer_.reap();
    if (!status || capture_ == nullptr) return;
    bool has_said_why = false;
    for (auto news = writer_.read_news(); news != LogProcess::News::gone; news = writer_.read_news())
        has_said_why = news == LogProcess::News::waits;
    capture_->unwatch(writer_.news_fd());
    if (WIFEXITED(*status) && WEXITSTATUS(*status) == 0) return spawn();
    const base::Status died = base::fail("audit log " + settings_.audit_log_file, "its writer died");
    tell(has_said_why ? tl::unexpected(writer_.trouble()) : died);
    itimerspec pause{};
    pause.it_value.tv_sec = respawn_pause_s;
    ::timerfd_settime(timer_.get(), 0, &pause, nullptr);
}

void LogKeeper::tell(const base::Status& status) {
    troubles_.tell("audit-log", status, "what is recorded waits in the journal");
}

}  // namespace lineage::daemon
