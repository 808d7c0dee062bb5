// Errors a healthy system may meet travel as values: what was being worked on, what went wrong, and how a
// program that gives up because of it should exit. Only main() prints them. Our own bugs are CHECKs.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>

namespace lineage::base {

/// The programs' exit codes (contract, version 1).
enum class ExitCode : int {
    done = 0,
    nothing_matched = 1,
    usage = 2,
    unreadable = 3,  ///< the database or an input cannot be read
    not_permitted = 4,
    touches_gap = 5,  ///< done, but the answer touches a gap and --strict was given
};

/// What may help, as far as whoever found the error can tell.
enum class Remedy : std::uint8_t {
    none,      ///< what is known: nothing but somebody's decision
    waiting,   ///< a full disk, an I/O error, a read-only file system, a lock: the same may work later
    checking,  ///< somebody else has moved or written the object: it is to be opened anew and looked at
    recovery,  ///< what the object holds is damaged
};

/// "object: cause", e.g. object "open /var/lib/lineage/lineage.db", cause "permission denied".
struct Error {
    ExitCode exit = ExitCode::unreadable;
    std::string object;
    std::string cause;
    Remedy remedy = Remedy::none;

    [[nodiscard]] std::string message() const { return object + ": " + cause; }
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

[[nodiscard]] inline tl::unexpected<Error> fail(std::string object, std::string cause,
                                                ExitCode exit = ExitCode::unreadable) {
    return tl::unexpected<Error>(Error{exit, std::move(object), std::move(cause)});
}

/// The same with the text of an errno value (strerror) as cause; EPERM and EACCES exit with not_permitted.
[[nodiscard]] tl::unexpected<Error> fail_errno(std::string object, int error_number);

}  // namespace lineage::base
