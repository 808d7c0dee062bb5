// CHECK(condition): an assertion that stays in release builds. It is for our own bugs only, never for input.
#pragma once

namespace lineage::base {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}

#define CHECK(condition) \
    (static_cast<bool>(condition) ? void() : ::lineage::base::check_failed(#condition, __FILE__, __LINE__))
