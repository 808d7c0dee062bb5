// The recorder, its database, and who may read or write that.
#include <algorithm>

#include "checks.hpp"
#include "mends.hpp"

namespace lineage::doctor {
namespace {

constexpr const char* own_folder = "/var/lib/lineage";
constexpr std::uint32_t writable_by_others = 022;
constexpr std::uint32_t sticky = 01000;

std::string facts_of(const FileFacts& file) {
    return fmt::format("{:04o} {}:{}", file.mode, file.owner, file.group);
}

std::string own(const Facts& facts, const std::string& path, std::uint32_t mode) {
    return fmt::format("chown root:{0} {1} && chmod {2:04o} {1}", facts.has_group ? "lineage" : "root", quoted(path),
                       mode);
}

/// A group may read, nobody else may do anything: argv holds passwords, and a history that can be written proves
/// nothing.
void check_mode(const Facts& facts, const char* name, const std::string& path, const FileFacts& file,
                std::uint32_t wanted, Findings& findings) {
    const auto found = fmt::format("{} is {}", path, facts_of(file));
    if ((file.mode & writable_by_others) != 0 || file.owner != "root") {
        findings.push_back(bad(name, found + ": others than root may write it", own(facts, path, wanted)));
    } else if ((file.mode & 07) != 0) {
        findings.push_back(warn(name, found + ": everyone may read what all processes were given as arguments",
                                own(facts, path, wanted)));
    } else {
        findings.push_back(ok(name, found));
    }
}

/// A folder that is not ours is not ours to change. In a sticky one of root's nobody can put another file in its place.
void check_folder(const Facts& facts, const FileFacts& folder, Findings& findings) {
    const auto path = folder_of(facts.database.path);
    if (path == own_folder) {
        check_mode(facts, "database.folder", path, folder, 0750, findings);
        return;
    }
    const auto found = fmt::format("{} is {}", path, facts_of(folder));
    if (folder.owner != "root" || ((folder.mode & writable_by_others) != 0 && (folder.mode & sticky) == 0)) {
        findings.push_back(
            bad("database.folder", found + ": others than root may put another file in the database's place",
                by_hand(fmt::format("keep the history where root alone may write, such as {}: db in lineage.toml, or "
                                    "lineaged --db",
                                    own_folder))));
    } else {
        findings.push_back(ok("database.folder", found));
    }
}

/// lineaged sets a damaged database of its own aside when it starts, and builds it again from its journal.
std::string recovery_of(const Facts& facts) {
    const auto& database = facts.database;
    const bool is_recorders = database.has_journal || database.path == facts.settings.values.database;
    if (database.damaged && is_recorders) return set_recording(facts);
    const auto path = quoted(database.path);
    if (!database.damaged)
        return by_hand("give it a history of this version's: " +
                       (is_recorders ? set_recording(facts) : fmt::format("lineage --db {} import FILE ...", path)));
    if (!database.has_header)  // nothing can be read of it, its first page tells where what is
        return by_hand("import its logs again, into a new file: lineage --db NEW.db import FILE ...");
    return fmt::format(
        "lineage --db {0} recover --from {0} -o {0}.new && for part in '' -wal -shm; do "
        "! test -e {0}$part || mv {0}$part {0}.damaged$part; ! test -e {0}.new$part || mv {0}.new$part {0}$part; done",
        path);
}

}  // namespace

std::string folder_of(const std::string& path) {
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

void check_recorder(const Facts& facts, Findings& findings) {
    const auto& recorder = facts.recorder;
    if (!facts.database.trouble.empty() && facts.database.not_permitted) {
        findings.push_back(
            skipped("recorder.running", "the database, which names the recorder, may not be read", ask_as_root(facts)));
        return;
    }
    if (!recorder.running) {
        findings.push_back(bad("recorder.running",
                               recorder.pid == 0
                                   ? std::string("nothing has been recorded here in this boot")
                                   : fmt::format("lineaged (pid {}) is gone: nothing is being recorded", recorder.pid),
                               start_recorder(facts)));
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
                restart_recorder(facts)));
    }
}

void check_database(const Facts& facts, Findings& findings) {
    const auto& database = facts.database;
    if (database.trouble.empty()) {
        findings.push_back(ok("database.readable", database.path + " can be read, and its schema is current"));
    } else if (database.not_permitted) {
        findings.push_back(skipped("database.readable", database.trouble, ask_as_root(facts)));
    } else if (!database.exists) {
        findings.push_back(bad("database.readable", database.trouble, start_recorder(facts)));
    } else {
        findings.push_back(bad("database.readable", database.trouble, recovery_of(facts)));
    }
    if (database.folder) check_folder(facts, *database.folder, findings);
    if (database.file) check_mode(facts, "database.file", database.path, *database.file, 0640, findings);
}

std::vector<model::Finding> examine(const Facts& facts) {
    Findings findings;
    for (const auto check : {check_recorder, check_audit, check_rules, check_consumers, check_boot, check_journald,
                             check_augenrules, check_database, check_disk, check_clock})
        check(facts, findings);
    return findings;
}

}  // namespace lineage::doctor
