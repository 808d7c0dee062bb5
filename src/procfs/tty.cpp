#include "tty.hpp"

#include <unistd.h>

#include <cstdio>

namespace lineage::procfs {

namespace {

// Documentation/admin-guide/devices.txt.
constexpr std::uint32_t vt_and_serial_major = 4;
constexpr std::uint32_t first_serial_minor = 64;
constexpr std::uint32_t pts_major_first = 136;
constexpr std::uint32_t pts_major_last = 143;

/// Any other terminal goes by the name of its device (hvc0, ttyAMA0, console).
std::string device_name(std::uint32_t major, std::uint32_t minor) {
    char link[64];
    std::snprintf(link, sizeof link, "/sys/dev/char/%u:%u", major, minor);
    char target[512];
    const ssize_t size = ::readlink(link, target, sizeof target);
    if (size <= 0) return {};
    const std::string path(target, static_cast<std::size_t>(size));
    return path.substr(path.rfind('/') + 1);
}

}  // namespace

std::string tty_name(std::uint32_t device) {
    if (device == 0) return {};
    const std::uint32_t major = (device >> 8) & 0xfff;  // new_encode_dev, include/linux/kdev_t.h
    const std::uint32_t minor = (device & 0xff) | ((device >> 12) & 0xfff00);
    if (major >= pts_major_first && major <= pts_major_last)
        return "pts" + std::to_string(minor + (major - pts_major_first) * 256);
    if (major == vt_and_serial_major)
        return minor < first_serial_minor ? "tty" + std::to_string(minor)
                                          : "ttyS" + std::to_string(minor - first_serial_minor);
    return device_name(major, minor);
}

}  // namespace lineage::procfs
