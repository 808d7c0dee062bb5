// A flat little-endian encoding for what we write ourselves: control and procfs frames, the tracker's checkpoint.
// Integers are fixed width, byte strings carry a 32-bit length. A Reader never reads past its end: from the first
// short read on it returns zeros and ok() is false, so a decoder checks once, at its end.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace lineage::base {

class Encoder {
public:
    explicit Encoder(std::string& out) : out_(out) {}

    template <class T>
    void put(T value) {
        static_assert(std::is_integral_v<T> || std::is_enum_v<T>);
        char raw[sizeof(T)];
        std::memcpy(raw, &value, sizeof(T));  // every machine we run on is little-endian
        out_.append(raw, sizeof(T));
    }
    void put_bytes(std::string_view bytes) {
        put(static_cast<std::uint32_t>(bytes.size()));
        out_.append(bytes);
    }

private:
    std::string& out_;
};

class Decoder {
public:
    explicit Decoder(std::string_view in) : in_(in) {}

    template <class T>
    T get() {
        if constexpr (std::is_same_v<T, bool>) return get<std::uint8_t>() != 0;  // any other byte is no bool
        static_assert(std::is_integral_v<T> || std::is_enum_v<T>);
        T value{};
        if (in_.size() < sizeof(T)) {
            ok_ = false;
            in_ = {};
            return value;
        }
        std::memcpy(&value, in_.data(), sizeof(T));
        in_.remove_prefix(sizeof(T));
        return value;
    }
    template <class T>
    void get(T& value) {
        value = get<T>();
    }
    std::string_view get_bytes() {
        const auto size = get<std::uint32_t>();
        if (in_.size() < size) {
            ok_ = false;
            in_ = {};
            return {};
        }
        const auto bytes = in_.substr(0, size);
        in_.remove_prefix(size);
        return bytes;
    }
    /// What was read is of the right length and yet makes no sense: from here on as after a short read.
    void refuse() {
        ok_ = false;
        in_ = {};
    }
    [[nodiscard]] bool ok() const { return ok_; }
    [[nodiscard]] std::string_view rest() const { return in_; }

private:
    std::string_view in_;
    bool ok_ = true;
};

}  // namespace lineage::base
