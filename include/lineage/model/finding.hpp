// What a check of this machine came to: `lineage doctor`.
#pragma once

#include <cstdint>
#include <string>

namespace lineage::model {

struct Finding {
    enum class State : std::uint8_t {
        ok,
        warn,     ///< recording works, but less well, or not after the next boot
        bad,      ///< something is not being recorded, or will be lost
        skipped,  ///< could not be looked at without more rights
    };
    std::string name;  ///< "audit.rules"
    State state = State::ok;
    std::string found;  ///< one line
    std::string mend;   ///< a command for a shell, or a comment (#) where a person has to; empty: nothing to mend

    bool operator==(const Finding&) const = default;
};

constexpr const char* name_of(Finding::State state) {
    switch (state) {
        case Finding::State::ok:
            return "ok";
        case Finding::State::warn:
            return "warn";
        case Finding::State::bad:
            return "bad";
        case Finding::State::skipped:
            break;
    }
    return "skipped";
}

}  // namespace lineage::model
