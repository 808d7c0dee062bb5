// The lines of a log in and out again in the same order, every byte, with a place behind each event's last record.
//
// Which record is an event's last only the lines after it tell. So lines wait: those of a whole event (EOE, PROCTITLE,
// a type that stands alone) for `slack` more records or `settle_ms`, those of any other for `window` records or
// `patience_ms`; and no more than about `bytes_max` wait at all. A record that comes for an event already left makes a
// place of its own, with what its event's records said. And no event leaves before it is `ripe_ms` old, so that who
// asks a recorder's database about it finds what the recorder made of it.
//
// Not thread safe; no clock: time is what the caller says, milliseconds since 1970.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "lineage/audit/record.hpp"

namespace lineage::audit {

struct WindowLimits {
    std::uint32_t slack = 64;
    std::uint32_t window = 8192;
    std::int64_t settle_ms = 100;
    std::int64_t patience_ms = 1000;
    std::int64_t ripe_ms = 0;
    std::size_t bytes_max = 32U << 20;
    std::size_t line_bytes_max = 16U << 20;  ///< of a longer line the rest is passed on piece by piece
    bool keep_text = false;                  ///< events come with their records
};

/// An event whose last record has just been handed over.
struct LoggedEvent {
    std::string node;
    model::TimeNs time_ns = 0;
    std::int64_t serial = 0;
    Counter counter = Counter::kernel;  ///< of `serial`
    Parties parties;
    std::string text;   ///< with keep_text: its records as libauparse reads them, a line each
    bool cut = false;   ///< `text` is not all of it: it was too long
    bool open = false;  ///< the last record's line has no newline: the input ended in it
};

class LineWindow {
public:
    using TakeLine = std::function<void(std::string_view bytes)>;
    using TakeEvent = std::function<void(LoggedEvent&&)>;
    LineWindow(TakeLine line, TakeEvent event, WindowLimits limits = {});
    ~LineWindow();
    LineWindow(LineWindow&&) noexcept;
    LineWindow& operator=(LineWindow&&) noexcept;

    /// More of the input, cut anywhere.
    void feed(std::string_view bytes, std::int64_t now_ms);
    /// Nothing came up to now.
    void advance(std::int64_t now_ms);
    /// The input has ended.
    void finish();

    [[nodiscard]] bool holds() const;                                 ///< something waits
    [[nodiscard]] std::int64_t unripe_ms(std::int64_t now_ms) const;  ///< how long until all that waits is ripe
    [[nodiscard]] std::uint64_t records() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace lineage::audit
