// From audit records to observations: scans a record once, gathers the records of an event by its id, and hands over
// what each whole event says, in order of serial; what auditd itself counted (DAEMON_*) before the first of the
// kernel's that is stamped later.
//
// An event is whole at its EOE record, at its PROCTITLE (log files have no EOE), or at once where its type stands
// alone. It is handed over when `slack` more records have come after that, or the time of receipt has moved on by
// `settle_ns`; an event that never becomes whole waits for `window` records or `patience_ns`, then is handed over as it
// is. So records may arrive displaced by up to `slack` records and events interleaved up to `window` deep.
//
// Not thread safe; no clock: time is what frames say.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lineage/base/codec.hpp"
#include "lineage/model/observation.hpp"

namespace lineage::audit {

/// Who wrote a line of a log, and the id of its event; nullopt for what is no audit record.
struct LineStamp {
    std::string_view node;
    std::uint16_t type = 0;  ///< 0: of no name that libaudit knows
    model::TimeNs time_ns = 0;
    std::int64_t serial = 0;
    std::string_view text;  ///< from "audit(" on, without enrichment: what Assembler::record() takes
};
std::optional<LineStamp> stamp_of(std::string_view line);

struct AssemblerLimits {
    std::uint32_t slack = 64;
    std::uint32_t window = 8192;
    std::uint32_t remembered = 8192;  ///< events handed over against which a late record is held
    std::int64_t settle_ns = 20'000'000;
    std::int64_t patience_ns = 1'000'000'000;
    std::size_t event_bytes_max = 8U << 20;  ///< argv of one event; beyond it arguments are cut
};

struct AssemblerCounters {
    std::uint64_t records = 0;
    std::uint64_t events = 0;
    std::uint64_t malformed = 0;   ///< lines that are no audit record
    std::uint64_t incomplete = 0;  ///< events handed over without their end
    std::uint64_t late = 0;        ///< records whose event had been handed over, duplicates included
};

class Assembler {
public:
    using Take = std::function<void(model::Observation&&)>;
    explicit Assembler(Take take, AssemblerLimits limits = {});
    ~Assembler();
    Assembler(Assembler&&) noexcept;
    Assembler& operator=(Assembler&&) noexcept;

    /// One record as the kernel sends it: its type and the text "audit(...): ...". `received_ns` 0: not known.
    void record(std::uint16_t type, std::string_view text, std::int64_t received_ns);
    /// One line of a log: "[node=H ]type=T msg=audit(...): ...", raw or enriched (0x1D and what follows is ignored).
    void line(std::string_view line, std::int64_t received_ns);
    /// From here on: are records to be kept that say more than the history takes from them (model/kept_event.hpp)? So
    /// it is from the start.
    void keep_records(bool wanted);
    /// Since the last record the queue that they come through has overflowed, or (false) it has been seen empty: events
    /// that are missing in between become a Lost once `patience_ns` have passed.
    void overrun(bool is);
    /// The time of receipt has come to `received_ns` without a record.
    void advance(std::int64_t received_ns);
    /// No more records: hands over everything that is held.
    void finish();

    [[nodiscard]] const AssemblerCounters& counters() const;
    void save(base::Encoder& out) const;
    void restore(base::Decoder& in);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace lineage::audit
