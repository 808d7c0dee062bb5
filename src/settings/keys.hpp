// The keys of lineage.toml: one row each, with what it takes and whether a running lineaged can take it over.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/settings/settings.hpp"

namespace lineage::settings {

/// A value as it stands in the file: of one of three types, or of another that no key takes.
struct Value {
    enum class Type { integer, text, flag, other } type = Type::other;
    std::int64_t integer = 0;
    std::string text;
    bool flag = false;
};

struct Key {
    std::string_view name;  ///< with its table: "journal.max_size"
    std::string wanted;     ///< what it must be, for the message
    bool live;              ///< takes effect in a running lineaged
    std::function<bool(const Value& value, Settings& settings)> take;
    std::function<void(const Settings& from, Settings& to)> copy;
    std::function<bool(const Settings& left, const Settings& right)> same;
};

const std::vector<Key>& keys();

}  // namespace lineage::settings
