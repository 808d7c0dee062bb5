#include <fmt/format.h>

#include <limits>
#include <numeric>

#include "lineage/audit/interpret.hpp"
#include "lineage/trace/trace.hpp"
#include "placed.hpp"

namespace lineage::trace {

namespace {

audit::WindowLimits limits_of(const Options& options) {
    audit::WindowLimits limits;
    limits.keep_text = options.json;
    limits.ripe_ms = options.ripe_ms;
    if (!options.live) limits.settle_ms = limits.patience_ms = std::numeric_limits<std::int64_t>::max();
    return limits;
}

}  // namespace

struct Tracer::State {
    State(store::Reader& reader, Options chosen, Write sink)
        : options(std::move(chosen)),
          write(std::move(sink)),
          histories(reader, options.host, options.see),
          window([this](std::string_view bytes) { line(bytes); },
                 [this](audit::LoggedEvent&& event) { take(std::move(event)); }, limits_of(chosen)) {}

    void line(std::string_view bytes) {
        if (!options.json && status) write(bytes);
    }

    void take(audit::LoggedEvent&& event) {
        if (!status) return;
        ++report.events;
        const query::EventStamp stamp{event.node, event.time_ns, placing_serial(event.counter, event.serial)};
        auto found = placed(histories, stamp, event.parties);
        if (!found) {
            status = tl::unexpected(found.error());
            return;
        }
        for (const auto why : found->missing) ++report.unplaced[static_cast<std::size_t>(why)];
        if (options.json) {
            write_json(event, std::move(*found));
        } else {
            write_text(event, *found);
        }
    }

    /// A last line without its newline gets one, and the last of ours goes without: the log ends as it did.
    void write_text(const audit::LoggedEvent& event, const Placed& found) {
        std::string text = render::history_line(found.subject.history, options.history_bytes_max);
        for (const auto& object : found.objects)
            text += "\n" + render::history_line(object.history, options.history_bytes_max);
        write(event.open ? "\n" + text : text + "\n");
    }

    void write_json(const audit::LoggedEvent& event, Placed&& found) {
        render::TracedEvent traced;
        traced.event = audit::interpret(event.text);
        traced.event.node = event.node;
        traced.event.time_ns = event.time_ns;
        traced.event.serial = event.serial;
        if (!found.has_subject()) traced.unplaced = query::text_of(found.missing.front());
        traced.subject = std::move(found.subject);
        traced.objects = std::move(found.objects);
        write(render::event_json(traced, options.history_bytes_max) + "\n");
    }

    /// Once a piece of input and not once an event: nothing that is ripe waits for the next commit.
    template <class Work>
    base::Status work(const Work& some) {
        if (status) status = histories.refresh();
        if (status) some();
        report.records = window.records();
        return status;
    }

    Options options;
    Write write;
    query::Histories histories;
    Report report;
    base::Status status;
    audit::LineWindow window;
};

std::string missing_words(const Report& report) {
    const auto missing = std::accumulate(report.unplaced.begin(), report.unplaced.end(), std::uint64_t{0});
    if (missing == 0) return {};
    std::string words = fmt::format("{} of the histories of {} events are missing:", missing, report.events);
    const char* separator = " ";
    for (std::size_t why = 0; why < report.unplaced.size(); ++why) {
        if (report.unplaced[why] == 0) continue;
        words +=
            fmt::format("{}{} {}", separator, report.unplaced[why], query::text_of(static_cast<query::Unplaced>(why)));
        separator = "; ";
    }
    return words;
}

Tracer::Tracer(store::Reader& reader, Options options, Write write)
    : state_(std::make_unique<State>(reader, std::move(options), std::move(write))) {}
Tracer::~Tracer() = default;

base::Status Tracer::feed(std::string_view bytes, std::int64_t now_ms) {
    return state_->work([&] { state_->window.feed(bytes, now_ms); });
}

base::Status Tracer::advance(std::int64_t now_ms) {
    return state_->work([&] { state_->window.advance(now_ms); });
}

base::Status Tracer::finish() {
    return state_->work([&] { state_->window.finish(); });
}

bool Tracer::holds() const {
    return state_->window.holds();
}

std::int64_t Tracer::unripe_ms(std::int64_t now_ms) const {
    return state_->window.unripe_ms(now_ms);
}

const Report& Tracer::report() const {
    return state_->report;
}

}  // namespace lineage::trace
