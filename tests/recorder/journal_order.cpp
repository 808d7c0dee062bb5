// journal_order DIR: does a recorded journal keep capture's promise? Every record of a successful fork, vfork, clone or
// clone3 must stand behind the connector's word on that child; Lost frames are counted. Prints one line of figures;
// exit status 1 when the promise is broken.
#include <linux/cn_proc.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <unordered_map>

#include "lineage/connector/connector.hpp"
#include "lineage/journal/journal.hpp"

using namespace lineage;

namespace {

struct Figures {
    long audit = 0;
    long connector = 0;
    long births = 0;
    long misplaced = 0;
    long lost = 0;
    long holes = 0;
    long snapshots = 0;
    long drained = 0;
    long stops = 0;
};

/// The value of " name=" in a record, or -1.
long field(std::string_view text, std::string_view name) {
    const auto at = text.find(name);
    return at == std::string_view::npos ? -1 : std::strtol(text.data() + at + name.size(), nullptr, 10);
}

bool is_birth(std::string_view record) {
    if (record.find(" success=yes ") == std::string_view::npos) return false;
    const bool wide = record.find("arch=c000003e") != std::string_view::npos;
    const long call = field(record, " syscall=");
    return wide ? call == 56 || call == 57 || call == 58 || call == 435
                : call == 2 || call == 120 || call == 190 || call == 435;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    auto reader = journal::Reader::open(argv[1]);
    if (!reader) return std::fprintf(stderr, "%s\n", reader.error().message().c_str()), 2;
    Figures figures;
    std::unordered_map<long, long> born;  // tids that the connector has told and audit has not
    connector::Sequence sequence;
    model::Frame frame;
    for (;;) {
        const auto next = reader->next(frame);
        if (!next) return std::fprintf(stderr, "%s\n", next.error().message().c_str()), 2;
        if (*next == journal::Reader::Next::at_end) break;
        if (frame.source == model::Source::connector) {
            ++figures.connector;
            if (const auto stamp = connector::stamp_of(frame.payload))
                if (const auto hole = sequence.step(*stamp)) figures.holes += hole->lost;
            const auto event = connector::decode(frame.payload);
            if (event && std::holds_alternative<model::ConnectorFork>(*event))
                ++born[std::get<model::ConnectorFork>(*event).child_tid];
        } else if (frame.source == model::Source::audit) {
            ++figures.audit;
            constexpr std::uint16_t syscall_type = 1300;
            const std::string text(frame.payload);  // ends in NUL for strtol
            if (frame.type != syscall_type || !is_birth(text)) continue;
            ++figures.births;
            if (--born[field(text, " exit=")] < 0) ++figures.misplaced;
        } else if (frame.source == model::Source::control) {
            const auto type = static_cast<model::Control>(frame.type);
            figures.lost += type == model::Control::lost;
            figures.snapshots += type == model::Control::snapshot_end;
            figures.drained += type == model::Control::connector_drained;
            figures.stops += type == model::Control::stop;
        }
    }
    std::printf(
        "audit=%ld connector=%ld births=%ld misplaced=%ld lost=%ld holes=%ld snapshots=%ld turns=%ld stops=%ld\n",
        figures.audit, figures.connector, figures.births, figures.misplaced, figures.lost, figures.holes,
        figures.snapshots, figures.drained, figures.stops);
    return figures.misplaced == 0 && figures.births > 0 ? 0 : 1;
}
