// What is wrong with this machine as far as recording its processes goes, and the mend for each.
//
// Two steps: read_files(), ask_kernel() and ask_database() look and judge nothing, examine() judges and looks at
// nothing. Looking changes nothing on the machine, needs no privilege, and leaves empty what may not be seen; that is a
// finding too (`skipped`).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lineage/audit/control.hpp"
#include "lineage/model/finding.hpp"
#include "lineage/model/process.hpp"
#include "lineage/settings/settings.hpp"

namespace lineage::doctor {

/// One line of a file of audit rules; what is a comment or empty is none.
struct RuleLine {
    std::string file;
    int number = 0;
    std::string text;
};

constexpr const char* rules_folder = "/etc/audit/rules.d/";

/// A word of the kernel's command line where GRUB's configuration has it.
struct GrubWord {
    std::string file;
    std::string name;
    std::string value;
};

struct MulticastReader {
    std::uint32_t pid = 0;  ///< the netlink port, which is the pid for a process's first socket; 0: not known
    std::string comm;
};

struct AuditFacts {
    audit::KernelState state;
    std::vector<std::string> rules;  ///< raw struct audit_rule_data
    std::string daemon_comm;         ///< of the registered pid; empty: it is gone, or none
};

/// A file or folder as stat(2) tells it.
struct FileFacts {
    std::uint32_t mode = 0;  ///< permission bits
    std::string owner;       ///< name, else number
    std::string group;
};

struct DatabaseFacts {
    std::string path;
    bool exists = false;
    std::string trouble;         ///< why it cannot be read; empty: it can
    bool not_permitted = false;  ///< the trouble is ours, not the database's
    bool damaged = false;        ///< ... or that what it holds is damaged
    bool has_journal = false;    ///< it is a recorder's, and not one that logs were imported into
    bool has_header = false;     ///< it begins as a database of SQLite does
    std::optional<FileFacts> file;
    std::optional<FileFacts> folder;
    std::uint64_t bytes = 0;                       ///< with its journal
    std::uint64_t free_bytes = 0;                  ///< of its file system, for who is not root
    std::uint64_t total_bytes = 0;                 ///< 0: not known
    std::optional<model::TimeNs> boot_started_ns;  ///< of this boot, as it is recorded
};

/// A lineaged that runs.
struct RecorderFacts {
    std::uint32_t pid = 0;             ///< as the database has it, of this boot; 0: none
    bool running = false;              ///< a lineaged has that pid
    bool of_service = false;           ///< it was started as lineaged.service
    std::vector<std::string> command;  ///< what it was started with, its name left out
    bool asked = false;                ///< we looked whether it records
    bool sees_us = false;              ///< the process that asks is in the history
    std::int64_t after_ms = 0;         ///< ... so long after it was looked for
    std::uint32_t elsewhere_pid = 0;   ///< the audit daemon or service, a lineaged with another database; 0: none
    std::string elsewhere;             ///< ... which is this
};

/// lineage.toml, as a lineaged that is started reads it.
struct SettingsFacts {
    std::string file = settings::default_config;
    std::string text;            ///< empty: there is none
    std::string trouble;         ///< what is wrong with it; empty: nothing
    bool not_permitted = false;  ///< it may not be read by who asks
    settings::Settings values;
};

struct Facts {
    std::optional<std::string> command_line;  ///< the kernel's
    bool has_systemd = false;                 ///< it is pid 1
    bool has_unit = false;                    ///< lineaged.service is installed
    bool unit_enabled = false;
    bool unit_masked = false;
    bool auditd_enabled = false;
    bool auditd_of_service = false;               ///< the registered daemon was started as auditd.service
    bool has_time_service = false;                ///< something that timedatectl can switch on
    bool has_loader = false;                      ///< /usr/sbin/lineage-early
    bool has_init = false;                        ///< what init= on the command line names is there
    bool has_group = false;                       ///< `lineage`, which may read the history
    std::vector<GrubWord> grub_words;             ///< audit, audit_backlog_limit, init, rdinit
    std::map<std::string, std::string> programs;  ///< of those that a mend may need: how they are called here

    std::optional<AuditFacts> audit;
    std::string audit_refused;           ///< why there is no `audit`
    bool audit_needs_privilege = false;  ///< ... because of who asks, and not of the kernel
    std::int64_t tick_ns = 0;            ///< unit of backlog_wait_time
    std::vector<MulticastReader> readers;
    std::vector<RuleLine> rule_lines;
    bool rule_files_hidden = false;             ///< they may not be read by who asks
    bool our_rule_file = false;                 ///< our rules stand among augenrules' files
    std::optional<std::string> journald_audit;  ///< effective Audit=; empty text: leaves audit alone. None: no journald
    std::string journald_file;                  ///< the drop-in that says so; empty: the main file, or nobody

    DatabaseFacts database;
    RecorderFacts recorder;
    SettingsFacts settings;

    bool clock_synchronized = false;
    model::TimeNs now_ns = 0;
    model::TimeNs boottime_ns = 0;  ///< CLOCK_BOOTTIME at `now_ns`
};

/// What files below `root` say; the live machine's is "".
void read_files(const std::string& root, Facts& facts);
/// What the kernel says of audit, its clock, and its memory of this boot.
void ask_kernel(Facts& facts);
/// What the database says, and the recorder; `watch_ms`: how long it is waited for this very process to turn up in it.
void ask_database(const std::string& path, int watch_ms, Facts& facts);
/// lineage.toml: the recorder's, where one runs, so that it has to be asked first. `root` as above.
void read_settings(const std::string& root, Facts& facts);

std::vector<model::Finding> examine(const Facts& facts);

}  // namespace lineage::doctor
