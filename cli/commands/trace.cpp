// `lineage trace FILE|-`: a log with the history of its processes; `lineage trace TIME:SERIAL`: one event.
#include "lineage/trace/trace.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <zlib.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>

#include "../command.hpp"
#include "../ending.hpp"
#include "../output.hpp"
#include "../selection.hpp"
#include "../view.hpp"
#include "lineage/base/unique_fd.hpp"
#include "lineage/render/event.hpp"
#include "lineage/trace/event.hpp"

namespace lineage::cli {
namespace {

constexpr const char* default_log = "/var/log/audit/audit.log";
constexpr std::size_t block_bytes = 256U << 10;
constexpr int idle_ms = 50;  // between looks at what waits

void declare(CLI::App& app, Arguments& arguments) {
    app.add_option("FILE|-|EVENT", arguments.trace_input,
                   "A log (plain or .gz), - for standard input (the default), or TIME:SERIAL of one event")
        ->type_name("");
    add_text(app, "--host", arguments.host, "Whose records they are, where a line does not say it (node=)", "HOST");
    app.add_option("--max-bytes", arguments.history_bytes_max, "Cut a longer history, in its middle")
        ->type_name("N")
        ->check(at_least(1));
    add_text(app, "--log", arguments.log, fmt::format("Where the records of an EVENT are (default: {})", default_log),
             "FILE");
}

std::int64_t now_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

/// A log's bytes as they come: a file, decompressed where it is compressed, or whatever else can be read.
class Input {
public:
    static base::Result<Input> open(const std::string& name) {
        base::UniqueFd fd(name == "-" ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                                      : ::open(name.c_str(), O_RDONLY | O_CLOEXEC));
        struct stat status {};
        if (!fd || ::fstat(fd.get(), &status) != 0) return base::fail_errno(name, errno);
        if (S_ISDIR(status.st_mode)) return base::fail(name, "is a directory");
        Input input(name);
        if (S_ISREG(status.st_mode)) {
            input.file_.reset(::gzdopen(fd.get(), "r"));
            if (!input.file_) return base::fail(name, "out of memory");
            static_cast<void>(fd.release());
            ::gzbuffer(input.file_.get(), block_bytes);
        }
        input.fd_ = std::move(fd);
        return input;
    }

    /// Someone writes at the other end, at his own pace.
    [[nodiscard]] bool is_live() const { return !file_; }
    /// Is there more, or the end, within `wait_ms` (-1: however long it takes, or until `end_fd` is readable)?
    bool ready(int wait_ms, int end_fd) {
        if (!is_live()) return true;
        pollfd waiting[] = {{fd_.get(), POLLIN, 0}, {end_fd, POLLIN, 0}};
        return ::poll(waiting, std::size(waiting), wait_ms) > 0 && waiting[0].revents != 0;
    }
    /// 0 at the end.
    base::Result<std::size_t> read(std::vector<char>& into) {
        if (file_) {
            const int count = ::gzread(file_.get(), into.data(), static_cast<unsigned>(into.size()));
            int error = Z_OK;
            if (count <= 0) ::gzerror(file_.get(), &error);
            if (error == Z_BUF_ERROR) return base::fail(name_, "the compressed file is cut short");
            if (count < 0) return base::fail(name_, "the file is damaged or cannot be read to its end");
            return static_cast<std::size_t>(count);
        }
        for (;;) {
            const auto count = ::read(fd_.get(), into.data(), into.size());
            if (count >= 0) return static_cast<std::size_t>(count);
            if (errno != EINTR) return base::fail_errno(name_, errno);
        }
    }

private:
    struct CloseGz {
        void operator()(gzFile file) const { ::gzclose_r(file); }
    };
    explicit Input(std::string name) : name_(std::move(name)) {}

    std::string name_;
    base::UniqueFd fd_;
    std::unique_ptr<gzFile_s, CloseGz> file_;
};

base::Status run_stream(Input& input, trace::Tracer& tracer, Output& output, const bool& wanted, int end_fd) {
    std::vector<char> block(block_bytes);
    base::Status status;
    while (status && wanted && !end_wanted()) {
        if (!input.ready(0, end_fd)) {
            output.flush();
            if (!input.ready(tracer.holds() ? idle_ms : -1, end_fd)) {
                status = tracer.advance(now_ms());
                continue;
            }
        }
        const auto count = input.read(block);
        if (!count) {
            // What came before the damage is answered all the same.
            static_cast<void>(tracer.finish());
            return tl::unexpected(count.error());
        }
        if (*count == 0) break;
        status = tracer.feed({block.data(), *count}, now_ms());
    }
    if (!status || !wanted) return status;
    std::this_thread::sleep_for(std::chrono::milliseconds(tracer.unripe_ms(now_ms())));
    return tracer.finish();
}

base::Status trace_log(const Arguments& arguments, store::Reader& reader) {
    auto input = Input::open(arguments.trace_input.empty() ? "-" : arguments.trace_input);
    if (!input) return tl::unexpected(input.error());
    // A live log has no end of its own: told to end, what was read of it is handed out and counted.
    const auto end_fd = input->is_live() ? end_on_signals() : -1;
    if (!end_fd) return tl::unexpected(end_fd.error());
    auto output = Output::open("");
    if (!output) return tl::unexpected(output.error());
    trace::Options options;
    options.json = arguments.json;
    options.host = arguments.host;
    options.history_bytes_max = arguments.history_bytes_max;
    options.live = input->is_live();
    auto gaps = GapWatch::open(arguments, reader);
    if (!gaps) return tl::unexpected(gaps.error());
    if (arguments.strict) options.see = [&](const model::Process& process) { gaps->see(process); };
    bool wanted = true;
    trace::Tracer tracer(reader, options, [&](std::string_view bytes) { wanted = wanted && output->write(bytes); });
    const auto traced = run_stream(*input, tracer, *output, wanted, *end_fd);
    const auto finished = output->finish();
    if (const auto words = trace::missing_words(tracer.report()); !words.empty())
        std::fputs(fmt::format("lineage: {}\n", words).c_str(), stderr);
    if (!traced) return traced;
    return finished.and_then([&] { return gaps->verdict(); });
}

base::Status put_ancestry(const render::TracedParty& party, store::Reader& reader, const render::Style& style,
                          std::vector<model::Gap>& gaps, std::string& out) {
    const auto path = query::path_of(reader, party.history.back().id);
    if (!path) return tl::unexpected(path.error());
    render::path_text(*path, style, out);
    gaps.insert(gaps.end(), path->gaps.begin(), path->gaps.end());
    return {};
}

base::Status add_gaps(const render::TracedParty& party, store::Reader& reader, std::vector<model::Gap>& gaps) {
    if (party.history.empty()) return {};
    const auto path = query::path_of(reader, party.history.back().id);
    if (!path) return tl::unexpected(path.error());
    gaps.insert(gaps.end(), path->gaps.begin(), path->gaps.end());
    return {};
}

base::Status trace_event(const Arguments& arguments, store::Reader& reader, const query::ProcessName& name) {
    std::vector<std::unique_ptr<trace::RecordSource>> sources;
    if (arguments.log.empty()) sources.push_back(trace::kept_records(reader));
    sources.push_back(trace::log_records(arguments.log.empty() ? default_log : arguments.log));
    const auto answer = trace::event_of(reader, name.time_ns, name.number, sources, arguments.host);
    if (!answer) return tl::unexpected(answer.error());
    const auto style = style_of(arguments, false);
    std::string text;
    std::vector<model::Gap> gaps;
    base::Status status;
    if (arguments.json) {
        text = render::event_json(answer->traced, arguments.history_bytes_max) + "\n";
        status = add_gaps(answer->traced.subject, reader, gaps);
        for (const auto& object : answer->traced.objects)
            if (status) status = add_gaps(object, reader, gaps);
    } else {
        if (answer->has_records) render::event_text(answer->traced.event, style, text);
        if (!answer->has_records) text += "no record of this event was found; what the database knows of it:\n";
        if (!answer->traced.unplaced.empty()) text += "its records " + answer->traced.unplaced + "\n";
        if (!answer->traced.subject.history.empty()) {
            text += "\n";
            status = put_ancestry(answer->traced.subject, reader, style, gaps, text);
        }
        for (const auto& object : answer->traced.objects) {
            if (!status) break;
            text += fmt::format("\nthe process that it was done to, pid {}:\n", object.pid);
            if (object.history.empty()) {
                text += "unknown\n";
            } else {
                status = put_ancestry(object, reader, style, gaps, text);
            }
        }
    }
    if (!status) return status;
    auto output = Output::open("");
    if (!output) return tl::unexpected(output.error());
    output->write(text);
    return output->finish().and_then([&] { return verdict_on(arguments, gaps); });
}

base::Status run(const Arguments& arguments) {
    const auto event = query::parse_process(arguments.trace_input);
    const bool is_event = event && event->kind == query::ProcessName::Kind::event;
    const auto reader = open_database(arguments);
    if (!reader) return tl::unexpected(reader.error());
    return is_event ? trace_event(arguments, **reader, *event) : trace_log(arguments, **reader);
}

}  // namespace

const Command trace_command{"trace", "A log with the history of its processes, or one event of it", declare, run};

}  // namespace lineage::cli
