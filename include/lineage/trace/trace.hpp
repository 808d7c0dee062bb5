// A log in, the same log out, and behind each event where its processes came from. As text: every line byte for byte,
// in order, and a line of its own behind an event's last (render::history_line; one for its subject, one for each
// process it was done to). As JSON: an object a line for each event, nothing else.
//
// Streams in constant memory; the input may be cut anywhere. Not thread safe, no clock, no file.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "lineage/base/result.hpp"
#include "lineage/query/history.hpp"

namespace lineage::trace {

struct Options {
    bool json = false;
    std::size_t history_bytes_max = 0;  ///< 0: histories are written whole
    std::string host;                   ///< whose records they are, where they do not say; empty: anybody's
    /// Someone waits at the other end: an event whose end does not come is written all the same after a while. Else
    /// what is written does not depend on how fast the input comes.
    bool live = false;
    /// No event is asked about before it is that old: a recorder commits ten times a second.
    std::int64_t ripe_ms = 400;
    query::Histories::See see = {};  ///< is told of each process of a history, at least once
};

struct Report {
    std::uint64_t records = 0;
    std::uint64_t events = 0;
    /// Processes that events are about and that have no history, by reason.
    std::array<std::uint64_t, query::unplaced_count> unplaced{};
};
/// "12 histories of 3400 events are missing: 10 events name no process, ...", or "" where none is.
std::string missing_words(const Report& report);

class Tracer {
public:
    using Write = std::function<void(std::string_view)>;
    Tracer(store::Reader& reader, Options options, Write write);
    ~Tracer();

    /// `now_ms`: milliseconds since 1970. An error is the database's.
    base::Status feed(std::string_view bytes, std::int64_t now_ms);
    base::Status advance(std::int64_t now_ms);
    base::Status finish();

    [[nodiscard]] bool holds() const;  ///< something waits for more input, or for time
    /// How long until everything that waits is ripe: finish() before that may miss what the recorder is about to
    /// commit.
    [[nodiscard]] std::int64_t unripe_ms(std::int64_t now_ms) const;
    [[nodiscard]] const Report& report() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace lineage::trace
