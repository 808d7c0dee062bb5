// The recorder, its database and its disk.
#include "checks.hpp"

namespace lineage::doctor {
namespace {

constexpr std::uint64_t free_bytes_bad = 256ULL << 20;
constexpr std::uint64_t free_per_cent_warn = 5;

std::string size_text(std::uint64_t bytes) {
    if (bytes >= 10ULL << 30) return fmt::format("{} GiB", bytes >> 30);
    return fmt::format("{} MiB", bytes >> 20);
}

std::string folder_of(const std::string& path) {
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

std::string facts_of(const FileFacts& file) {
    return fmt::format("{:04o} {}:{}", file.mode, file.owner, file.group);
}

/// A group may read, nobody else may do anything: argv holds passwords, and a history that can be written proves
/// nothing.
void check_mode(const char* name, const std::string& path, const FileFacts& file, std::uint32_t wanted,
                Findings& findings) {
    const auto mend = fmt::format("chown root:lineage {0} && chmod {1:04o} {0}", path, wanted);
    if ((file.mode & 022) != 0 || file.owner != "root") {
        findings.push_back(
            bad(name, fmt::format("{} is {}: others than root may write it", path, facts_of(file)), mend));
    } else if ((file.mode & 07) != 0) {
        findings.push_back(warn(
            name,
            fmt::format("{} is {}: everyone may read what all processes were given as arguments", path, facts_of(file)),
            mend));
    } else {
        findings.push_back(ok(name, fmt::format("{} is {}", path, facts_of(file))));
    }
}

}  // namespace

void check_recorder(const Facts& facts, Findings& findings) {
    const auto& recorder = facts.recorder;
    if (!facts.database.trouble.empty() && facts.database.not_permitted) {
        findings.push_back(skipped("recorder.running", "the database, which names the recorder, may not be read",
                                   "sudo lineage doctor"));
        return;
    }
    if (!recorder.running) {
        findings.push_back(bad("recorder.running",
                               recorder.pid == 0
                                   ? std::string("nothing has been recorded in this boot")
                                   : fmt::format("lineaged (pid {}) is gone: nothing is being recorded", recorder.pid),
                               start_command(facts)));
        return;
    }
    findings.push_back(ok("recorder.running", fmt::format("lineaged runs (pid {})", recorder.pid)));
    if (!recorder.asked) return;
    if (recorder.sees_us) {
        findings.push_back(
            ok("recorder.alive",
               fmt::format("this very process was in the history {} ms after it was looked for", recorder.after_ms)));
    } else {
        findings.push_back(
            bad("recorder.alive",
                fmt::format("lineaged runs but does not record: this very process is not in the history after {} ms",
                            recorder.after_ms),
                restart_command));
    }
}

void check_database(const Facts& facts, Findings& findings) {
    const auto& database = facts.database;
    if (database.trouble.empty()) {
        findings.push_back(ok("database.readable", database.path + " can be read, and its schema is current"));
    } else if (database.not_permitted) {
        findings.push_back(
            skipped("database.readable", database.trouble, "sudo lineage doctor   # or: adduser $USER lineage"));
    } else if (!database.exists) {
        findings.push_back(bad("database.readable", database.trouble, start_command(facts)));
    } else {
        findings.push_back(bad("database.readable", database.trouble, "lineage recover " + database.path));
    }
    if (database.folder) check_mode("database.folder", folder_of(database.path), *database.folder, 0750, findings);
    if (database.file) check_mode("database.file", database.path, *database.file, 0640, findings);
}

void check_disk(const Facts& facts, Findings& findings) {
    const auto& database = facts.database;
    if (database.total_bytes == 0) return;
    const auto found = fmt::format("{} free of {}, the history takes {}", size_text(database.free_bytes),
                                   size_text(database.total_bytes), size_text(database.bytes));
    const auto mend = fmt::format("du -xh --max-depth=2 {} | sort -h | tail", folder_of(database.path));
    if (database.free_bytes < free_bytes_bad) {
        findings.push_back(bad("disk.space", found, mend));
    } else if (database.free_bytes / (database.total_bytes / 100 + 1) < free_per_cent_warn) {
        findings.push_back(warn("disk.space", found, mend));
    } else {
        findings.push_back(ok("disk.space", found));
    }
    if (facts.history_max_size.empty()) {
        findings.push_back(warn(
            "disk.bound", "the history has no bound: it grows until the disk is full",
            "(echo '[history]'; echo 'max_size = \"20G\"') >>/etc/lineage/lineage.toml && systemctl reload lineaged"));
    } else {
        findings.push_back(ok("disk.bound", "the history keeps to " + facts.history_max_size));
    }
}

std::vector<model::Finding> examine(const Facts& facts) {
    Findings findings;
    for (const auto check : {check_recorder, check_audit, check_rules, check_consumers, check_boot, check_journald,
                             check_augenrules, check_database, check_disk, check_clock})
        check(facts, findings);
    return findings;
}

}  // namespace lineage::doctor
