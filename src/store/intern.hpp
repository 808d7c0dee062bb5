// Texts that are stored once and referred to by number. Here is the writer's bounded memory of which number a text has;
// what it forgets is stored again (see schema/0001_initial.sql).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace lineage::store {

/// Keeps what was used lately within `bytes_max`, in two generations: when the young one is full it becomes the old
/// one, whose entries are forgotten unless they are used again.
class InternCache {
public:
    explicit InternCache(std::size_t bytes_max) : generation_bytes_max_(bytes_max / 2) {}

    std::optional<std::int64_t> find(std::string_view text);
    void add(std::string_view text, std::int64_t number);
    void clear();

private:
    struct Hash : std::hash<std::string_view> {
        using is_transparent = void;
    };
    using Generation = std::unordered_map<std::string, std::int64_t, Hash, std::equal_to<>>;

    std::size_t generation_bytes_max_;
    std::size_t young_bytes_ = 0;
    Generation young_;
    Generation old_;
};

/// An argument vector as schema/'s argv.bytes.
void encode_argv(const std::vector<std::string>& argv, std::string& out);
/// What is damaged ends the vector.
std::vector<std::string> decode_argv(std::string_view bytes);
bool argv_contains(std::string_view bytes, std::string_view text);

}  // namespace lineage::store
