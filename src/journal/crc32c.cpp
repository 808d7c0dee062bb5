#include "crc32c.hpp"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace lineage::journal {
namespace {

constexpr std::size_t word_bytes = 8;
using Tables = std::array<std::array<std::uint32_t, 256>, word_bytes>;

// Row 0 is the usual byte-at-a-time table of the reflected polynomial; row k is k more zero bytes behind it, so that
// eight lookups take one word ("slicing by 8").
constexpr Tables make_tables() {
    Tables tables{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t crc = byte;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0x82F63B78U : 0U);
        tables[0][byte] = crc;
    }
    for (std::size_t row = 1; row < word_bytes; ++row) {
        for (std::size_t byte = 0; byte < 256; ++byte) {
            const auto before = tables[row - 1][byte];
            tables[row][byte] = (before >> 8U) ^ tables[0][before & 0xFFU];
        }
    }
    return tables;
}
constexpr Tables tables = make_tables();

std::uint64_t load_word(const char* from) {
    std::uint64_t word = 0;
    std::memcpy(&word, from, word_bytes);
    return word;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t crc32c_by_instruction(std::uint32_t crc, const char* words,
                                                                      std::size_t word_count) {
    std::uint64_t state = ~crc;
    for (std::size_t i = 0; i < word_count; ++i) state = _mm_crc32_u64(state, load_word(words + i * word_bytes));
    return ~static_cast<std::uint32_t>(state);
}
#endif

using Function = std::uint32_t (*)(std::uint32_t, const char*, std::size_t);

Function best() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) return crc32c_by_instruction;
#endif
    return crc32c_by_tables;
}

}  // namespace

std::uint32_t crc32c_by_tables(std::uint32_t crc, const char* words, std::size_t word_count) {
    crc = ~crc;
    for (std::size_t i = 0; i < word_count; ++i) {
        const std::uint64_t word = load_word(words + i * word_bytes) ^ crc;
        crc = 0;
        for (std::size_t byte = 0; byte < word_bytes; ++byte) {
            crc ^= tables[word_bytes - 1 - byte][(word >> (8 * byte)) & 0xFFU];
        }
    }
    return ~crc;
}

std::uint32_t crc32c(std::uint32_t crc, const char* words, std::size_t word_count) {
    static const Function function = best();
    return function(crc, words, word_count);
}

}  // namespace lineage::journal
