#include "names.hpp"

#include "intern.hpp"
#include "rows.hpp"

namespace lineage::store {
namespace {

constexpr std::size_t names_max = 50'000;  // each at most PATH_MAX bytes, 50 by experience
constexpr std::size_t credentials_max = 50'000;

}  // namespace

std::string Names::name(std::optional<std::int64_t> number) {
    if (!number) return {};
    if (const auto known = known_names_.find(*number); known != known_names_.end()) return known->second;
    if (!name_.start(*number).next()) return {};
    auto text = name_.text(0);
    name_.stop();
    if (known_names_.size() >= names_max) known_names_.clear();
    known_names_.emplace(*number, text);
    return text;
}

model::Credentials Names::credentials(std::int64_t number) {
    if (const auto known = known_credentials_.find(number); known != known_credentials_.end()) return known->second;
    if (!credentials_.start(number).next()) return {};
    const auto user = [&](int column) { return user_of(credentials_.optional(column)); };
    model::Credentials credentials{user(0), user(1), user(2), user(3), user(4), user(5), credentials_.text(6)};
    credentials_.stop();
    if (known_credentials_.size() >= credentials_max) known_credentials_.clear();
    known_credentials_.emplace(number, credentials);
    return credentials;
}

std::vector<std::string> Names::argv(std::optional<std::int64_t> number) {
    if (!number || !argv_.start(*number).next()) return {};
    auto argv = decode_argv(argv_.bytes(0));
    argv_.stop();
    return argv;
}

}  // namespace lineage::store
