#include "lineage/base/run_directory.hpp"

#include <sys/stat.h>

#include <algorithm>

namespace lineage::base {

std::string in_run_directory(const std::string& name) {
    constexpr const char* directory = "/run/lineage";
    if (::mkdir(directory, 0755) == 0) ::chmod(directory, 0755);  // whatever the umask
    return std::string(directory) + "/" + name;
}

std::string as_name(std::string path) {
    path.erase(0, path.find_first_not_of('/'));
    std::replace(path.begin(), path.end(), '/', '-');
    return path;
}

}  // namespace lineage::base
