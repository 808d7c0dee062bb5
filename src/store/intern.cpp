#include "intern.hpp"

namespace lineage::store {
namespace {

constexpr std::size_t entry_overhead_bytes = 80;  // a node of the map, about

// The next argument of `bytes`, which is cut by it; nullopt at the end or where it is damaged.
std::optional<std::string_view> next_argument(std::string_view& bytes) {
    std::size_t size = 0;
    for (unsigned shift = 0;; shift += 7) {
        if (bytes.empty() || shift > 28) return std::nullopt;
        const auto byte = static_cast<unsigned char>(bytes.front());
        bytes.remove_prefix(1);
        size |= static_cast<std::size_t>(byte & 0x7fU) << shift;
        if ((byte & 0x80U) == 0) break;
    }
    if (size > bytes.size()) return std::nullopt;
    const auto argument = bytes.substr(0, size);
    bytes.remove_prefix(size);
    return argument;
}

}  // namespace

std::optional<std::int64_t> InternCache::find(std::string_view text) {
    if (const auto found = young_.find(text); found != young_.end()) return found->second;
    const auto found = old_.find(text);
    if (found == old_.end()) return std::nullopt;
    const auto number = found->second;
    add(text, number);
    return number;
}

void InternCache::add(std::string_view text, std::int64_t number) {
    const std::size_t bytes = text.size() + entry_overhead_bytes;
    if (bytes > generation_bytes_max_) return;
    std::string key(text);  // it may live in the generation that goes
    if (young_bytes_ + bytes > generation_bytes_max_) {
        old_ = std::move(young_);
        young_ = {};
        young_bytes_ = 0;
    }
    young_.insert_or_assign(std::move(key), number);
    young_bytes_ += bytes;
}

void InternCache::clear() {
    young_.clear();
    old_.clear();
    young_bytes_ = 0;
}

void encode_argv(const std::vector<std::string>& argv, std::string& out) {
    for (const auto& argument : argv) {
        auto size = argument.size();
        for (; size >= 0x80; size >>= 7) out.push_back(static_cast<char>((size & 0x7f) | 0x80));
        out.push_back(static_cast<char>(size));
        out.append(argument);
    }
}

std::vector<std::string> decode_argv(std::string_view bytes) {
    std::vector<std::string> argv;
    while (const auto argument = next_argument(bytes)) argv.emplace_back(*argument);
    return argv;
}

bool argv_contains(std::string_view bytes, std::string_view text) {
    while (const auto argument = next_argument(bytes)) {
        if (argument->find(text) != std::string_view::npos) return true;
    }
    return false;
}

}  // namespace lineage::store
