// journal_dump DIR: a journal's frames as text, one a line, to read what the witnesses said after a test has failed.
#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <cstring>

#include "lineage/connector/connector.hpp"
#include "lineage/journal/journal.hpp"
#include "lineage/procfs/entry.hpp"

namespace model = lineage::model;

namespace {

std::string text_of(const model::Frame& frame) {
    switch (frame.source) {
        case model::Source::control:
            return fmt::format("control {}", frame.type);
        case model::Source::audit:
            return fmt::format("audit {} {}", frame.type, frame.payload);
        case model::Source::audit_line:
            return std::string(frame.payload);
        case model::Source::connector: {
            std::uint32_t words[14] = {};
            std::memcpy(words, frame.payload.data(), std::min(sizeof words, frame.payload.size()));
            const auto stamp = lineage::connector::stamp_of(frame.payload);
            return fmt::format("connector what {:x} cpu {} seq {} at {}: {} {} {} {}", words[5], words[6], words[2],
                               stamp ? stamp->time_ns : 0, words[9], words[10], words[11], words[12]);
        }
        case model::Source::procfs: {
            const auto seen = lineage::procfs::decode(frame.payload);
            if (!seen) return "procfs, damaged";
            return fmt::format("procfs pid {} ppid {} read {} started {} uid {} auid {} exe {} ns {} tids {}",
                               seen->pid, seen->ppid, seen->read_ns, seen->started_ns, seen->credentials.uid,
                               seen->credentials.auid, seen->exe, seen->ns_pids.empty() ? 0 : seen->ns_pids.back(),
                               seen->tids.size());
        }
    }
    return "?";
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    auto reader = lineage::journal::Reader::open(argv[1]);
    if (!reader) return std::fprintf(stderr, "%s\n", reader.error().message().c_str()), 3;
    model::Frame frame;
    for (;;) {
        const auto next = reader->next(frame);
        if (!next || *next == lineage::journal::Reader::Next::at_end) return 0;
        std::puts(fmt::format("{} {}", frame.received_ns, text_of(frame)).c_str());
    }
}
