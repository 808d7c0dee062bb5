// `lineage import`: logs and journals through the same pipeline as live frames, in one transaction.
#include <algorithm>

#include "lineage/ingest/pipeline.hpp"
#include "lineage/journal/journal.hpp"
#include "log_files.hpp"

namespace lineage::ingest {

namespace {

/// Changes held in memory before they are handed to the open transaction. Larger batches spare rewriting a process
/// that changes several times in its short life.
constexpr std::size_t batch_changes = 20'000;

class Import {
public:
    explicit Import(store::Writer& writer) : pipeline_(writer) { pipeline_.importing(true); }

    base::Status prepare() { return pipeline_.restore(store::Progress{}); }

    base::Status logs(const std::vector<std::string>& names) {
        LogFiles files(names);
        model::Frame frame;
        frame.source = model::Source::audit_line;
        while (true) {
            const auto next = files.next(frame.payload);
            if (!next) return tl::unexpected(next.error());
            if (*next == LogFiles::Next::at_end) break;
            take(frame);
        }
        report_.bytes += files.bytes();
        return {};
    }

    base::Status journal(const std::string& directory) {
        auto reader = journal::Reader::open(directory);
        if (!reader) return tl::unexpected(reader.error());
        model::Frame frame;
        while (true) {
            const auto next = reader->next(frame);
            if (!next) return tl::unexpected(next.error());
            if (*next == journal::Reader::Next::at_end) return {};
            report_.bytes += frame.payload.size();
            take(frame);
        }
    }

    ImportReport finish() {
        pipeline_.finish();
        pipeline_.apply();
        const auto counts = pipeline_.counts();
        report_.processes = counts.tree.processes;
        report_.events = counts.audit.events;
        report_.malformed = counts.audit.malformed;
        report_.incomplete = counts.audit.incomplete;
        return report_;
    }

private:
    void take(const model::Frame& frame) {
        ++report_.frames;
        pipeline_.frame(frame);
        if (pipeline_.pending() >= batch_changes) pipeline_.apply();
    }

    Pipeline pipeline_;
    ImportReport report_;
};

base::Status read_all(Import& import, const std::vector<std::string>& inputs) {
    std::vector<std::string> logs;
    const auto read_logs = [&]() -> base::Status {
        return logs.empty() ? base::Status{} : import.logs(std::exchange(logs, {}));
    };
    for (const std::string& input : inputs) {
        if (!journal::is_journal(input)) {
            logs.push_back(input);
            continue;
        }
        if (auto read = read_logs(); !read) return read;
        if (auto read = import.journal(input); !read) return read;
    }
    return read_logs();
}

}  // namespace

base::Result<ImportReport> import(const std::vector<std::string>& inputs, store::Writer& writer) {
    if (auto begun = writer.begin(); !begun) return tl::unexpected(begun.error());
    Import import(writer);
    auto read = import.prepare();
    if (read) read = read_all(import, inputs);
    if (!read) {
        writer.rollback();
        return tl::unexpected(read.error());
    }
    const ImportReport report = import.finish();
    if (auto committed = writer.commit(); !committed) return tl::unexpected(committed.error());
    return report;
}

}  // namespace lineage::ingest
