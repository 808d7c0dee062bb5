// CRC-32C (Castagnoli, RFC 3720 appendix B.4): with the processor's instruction where there is one (x86 SSE4.2),
// else by tables; both give the same. It recognises torn and damaged frames; it is no protection against forgery.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lineage::journal {

/// Goes on from `crc` (0 to begin with). The frames are padded to words of eight bytes, so whole words are all it
/// takes.
std::uint32_t crc32c(std::uint32_t crc, const char* words, std::size_t word_count);

/// The table version, whatever the processor can do; for the test that compares the two.
std::uint32_t crc32c_by_tables(std::uint32_t crc, const char* words, std::size_t word_count);

}  // namespace lineage::journal
