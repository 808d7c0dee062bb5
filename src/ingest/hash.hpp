// FNV-1a, 64 bits: a name for an imported log that is the same each time, and whether a checkpoint is as it was
// written.
#pragma once

#include <cstdint>
#include <string_view>

namespace lineage::ingest {

inline std::uint64_t hash_of(std::string_view bytes) {
    std::uint64_t hash = 14695981039346656037ULL;
    for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    return hash;
}

}  // namespace lineage::ingest
