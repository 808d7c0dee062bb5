// `lineage watch`: a line for each process as it comes to match, as the recorder commits it.
#include <poll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>

#include "../command.hpp"
#include "../ending.hpp"
#include "../output.hpp"
#include "../selection.hpp"
#include "../view.hpp"

namespace lineage::cli {
namespace {

// After a write to the database's log it takes a moment until readers see it.
constexpr std::array settle_ms = {1, 5, 20, 50};
constexpr int quiet_ms = 1000;      ///< between looks while nobody writes: has the file been replaced?
constexpr int unsignalled_ms = 50;  ///< the same where nothing tells of writes

void declare(CLI::App& app, Arguments& arguments) {
    declare_filters(app, arguments);
    declare_where(app, arguments);
}

/// What ends the watch: a signal, or that nobody reads on.
class Ending {
public:
    static base::Result<Ending> open() {
        const auto fd = end_on_signals();
        if (!fd) return tl::unexpected(fd.error());
        Ending ending;
        ending.signals_ = *fd;
        return ending;
    }
    /// Waits for a write to the database, at most `wait_ms`. False: the end has come.
    bool wait(int database_fd, int wait_ms) {
        pollfd waiting[] = {{signals_, POLLIN, 0}, {STDOUT_FILENO, 0, 0}, {database_fd, POLLIN, 0}};
        if (::poll(waiting, std::size(waiting), wait_ms) < 0) return !end_wanted();
        written_ = waiting[2].revents != 0;
        return waiting[0].revents == 0 && (waiting[1].revents & (POLLERR | POLLHUP)) == 0;
    }
    [[nodiscard]] bool written() const { return written_; }

private:
    int signals_ = -1;
    bool written_ = false;
};

class Watch {
public:
    Watch(const Arguments& arguments, Output& output)
        : arguments_(arguments), output_(output), style_(style_of(arguments, true)) {}

    /// PROC of --under, --host and --boot are what they are now.
    base::Status open() {
        const auto reader = open_database(arguments_);
        if (!reader) return tl::unexpected(reader.error());
        const auto filter = filter_of(arguments_, **reader);
        if (!filter) return tl::unexpected(filter.error());
        auto follower = store::open_follower(arguments_.database, *filter);
        if (!follower) return tl::unexpected(follower.error());
        follower_ = std::move(*follower);
        const auto first = follower_->look();
        if (!first) return tl::unexpected(first.error());
        return {};
    }
    [[nodiscard]] int signal_fd() const { return follower_ ? follower_->signal_fd() : -1; }

    /// False: no more is wanted.
    base::Result<bool> look() {
        if (!follower_ || follower_->replaced()) return reopen();
        const auto matches = follower_->look();
        if (!matches) return tl::unexpected(matches.error());
        for (const auto& node : *matches) {
            std::string text;
            if (arguments_.json) {
                text = render::process_json(node) + "\n";
            } else {
                render::list_line(node, style_, text);
            }
            const bool is_wanted = output_.write(text) && ++matched_ != arguments_.limit;
            if (!is_wanted) return false;
        }
        output_.flush();
        return output_.write({});
    }

private:
    /// Somebody moved it away, or restored it from elsewhere: what stands there next is watched from then on.
    base::Result<bool> reopen() {
        if (follower_)
            std::fputs("lineage: the database was moved or replaced; watching what stands there next\n", stderr);
        follower_.reset();
        static_cast<void>(open());
        return true;
    }

    const Arguments& arguments_;
    Output& output_;
    render::Style style_;
    std::unique_ptr<store::Follower> follower_;
    std::size_t matched_ = 0;
};

base::Status follow(Watch& watch, Ending& ending) {
    for (std::size_t settled = settle_ms.size();;) {
        const int fd = watch.signal_fd();
        const int wait_ms = settled < settle_ms.size() ? settle_ms[settled++] : fd < 0 ? unsignalled_ms : quiet_ms;
        if (!ending.wait(fd, wait_ms)) return {};
        if (ending.written()) settled = 0;
        const auto goes_on = watch.look();
        if (!goes_on) return tl::unexpected(goes_on.error());
        if (!*goes_on) return {};
    }
}

base::Status run(const Arguments& arguments) {
    auto ending = Ending::open();
    if (!ending) return tl::unexpected(ending.error());
    auto output = Output::open("");
    if (!output) return tl::unexpected(output.error());
    Watch watch(arguments, *output);
    if (auto opened = watch.open(); !opened) return opened;
    if (!arguments.json) {
        std::string head;
        render::list_header(style_of(arguments, true), head);
        output->write(head);
        output->flush();
    }
    const auto followed = follow(watch, *ending);
    const auto finished = output->finish();
    return followed ? finished : followed;
}

}  // namespace

const Command watch_command{"watch", "A line for each process as it comes to match, live", declare, run};

}  // namespace lineage::cli
