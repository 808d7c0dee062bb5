// The kernel's command line, as the kernel reads it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lineage::doctor {

/// What follows each `name=`, in order (next_arg in lib/cmdline.c): quotes hold blanks together and are taken off, what
/// stands behind `--` is for init.
std::vector<std::string> values_of(std::string_view line, std::string_view name);
/// The last part of a path.
std::string_view name_of_file(std::string_view path);

/// The loader, where the package puts it.
constexpr const char* loader_path = "/usr/sbin/lineage-early";
constexpr std::string_view loader_name = "lineage-early";

}  // namespace lineage::doctor
