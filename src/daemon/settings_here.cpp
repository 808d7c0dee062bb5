// What settings may only be wrong about on this machine. What may pass by itself (a disk that does not answer) is no
// mistake: it is left to who opens the file.
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "lineage/daemon/daemon.hpp"
#include "privileges.hpp"

namespace lineage::daemon {

namespace {

namespace fs = std::filesystem;

bool leads_nowhere(int error) {
    return error == ENOENT || error == ENOTDIR || error == ENAMETOOLONG || error == ELOOP;
}

/// Why there can be no such file or folder at `path`; empty where there can. `made`: so many levels above it are made.
std::string trouble_at(const fs::path& path, mode_t type, int made) {
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0) {
        if ((status.st_mode & S_IFMT) == type) return {};
        return path.string() + (type == S_IFDIR ? " is no folder" : " is no regular file");
    }
    const int error = errno;
    if (!leads_nowhere(error)) return {};
    // What a link leads to is made by nobody.
    if (error == ENOENT && ::lstat(path.c_str(), &status) == 0) return path.string() + " is a link that leads nowhere";
    if (error != ENOENT || made < 0) return path.string() + ": " + std::strerror(error);
    return trouble_at(path.parent_path(), S_IFDIR, made - 1);
}

/// The database's folder is made where it is missing.
int made_above(const fs::path& path, const Settings& settings) {
    return path.parent_path() == fs::path(settings.database).parent_path() ? 1 : 0;
}

/// As far as it exists without symbolic links.
fs::path real(const fs::path& path) {
    std::error_code error;
    const auto absolute = fs::absolute(path, error);
    const auto canonical = fs::weakly_canonical(absolute, error);
    return error ? absolute : canonical;
}

bool is_same(const fs::path& one, const fs::path& other) {
    std::error_code error;
    return real(one) == real(other) || fs::equivalent(one, other, error);  // hard links
}

bool lies_in(const fs::path& path, const fs::path& folder) {
    const auto inner = real(path);
    const auto outer = real(folder);
    return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
}

/// Why the audit log may not be written there; empty where it may.
std::string trouble_of_log(const Settings& settings) {
    const fs::path log = settings.audit_log_file;
    for (const char* const suffix : {"", "-wal", "-shm", ".lock"})
        if (is_same(log, settings.database + suffix)) return log.string() + " is the database's";
    if (lies_in(log, settings.journal())) return log.string() + " lies in the journal's folder";
    return trouble_at(log, S_IFREG, made_above(log, settings));
}

}  // namespace

base::Status check_on_this_machine(const Settings& settings) {
    const auto is_of_file = [&](const std::string& key) { return settings.origins.count(key) != 0; };
    const auto refuse = [&](const std::string& key, const std::string& why) {
        return base::fail(is_of_file(key) ? settings.origins.at(key) : key, why, base::ExitCode::usage);
    };
    if (auto account = find_account(settings.tracker_user); !account)
        return is_of_file("user.tracker") ? refuse("user.tracker", account.error().message())
                                          : tl::unexpected(account.error());
    if (!settings.audit_log_file.empty())
        if (const auto trouble = trouble_of_log(settings); !trouble.empty()) return refuse("audit_log.file", trouble);
    if (is_of_file("db"))
        if (const auto trouble = trouble_at(settings.database, S_IFREG, made_above(settings.database, settings));
            !trouble.empty())
            return refuse("db", trouble);
    if (is_of_file("journal_dir"))
        if (const auto trouble = trouble_at(settings.journal(), S_IFDIR, made_above(settings.journal(), settings));
            !trouble.empty())
            return refuse("journal_dir", trouble);
    return {};
}

}  // namespace lineage::daemon
