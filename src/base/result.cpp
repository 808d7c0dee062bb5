#include "lineage/base/result.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "lineage/base/check.hpp"

namespace lineage::base {

tl::unexpected<Error> fail_errno(std::string object, int error_number) {
    const bool forbidden = error_number == EPERM || error_number == EACCES;
    const bool may_pass =
        error_number == ENOSPC || error_number == EDQUOT || error_number == EIO || error_number == EROFS;
    return tl::unexpected<Error>(Error{forbidden ? ExitCode::not_permitted : ExitCode::unreadable, std::move(object),
                                       std::strerror(error_number), may_pass ? Remedy::waiting : Remedy::none});
}

void check_failed(const char* condition, const char* file, int line) {
    std::fprintf(stderr, "lineage: internal error: %s (%s:%d)\n", condition, file, line);
    std::abort();
}

}  // namespace lineage::base
