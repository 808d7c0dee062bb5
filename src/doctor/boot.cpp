// The kernel's command line, and what starts at boot.
#include <charconv>
#include <optional>
#include <string_view>

#include "checks.hpp"

namespace lineage::doctor {
namespace {

// A boot of a busy server makes about 100,000 records before the recorder's disk is there (15 a process, BOOT.md).
constexpr std::uint32_t backlog_limit_wanted = 65'536;
constexpr const char* update_grub = "update-grub   # then reboot";

/// What follows the last `NAME=`, as in the kernel a later word wins.
std::optional<std::string_view> value_of(std::string_view line, std::string_view name) {
    std::optional<std::string_view> value;
    while (!line.empty()) {
        const auto end = line.find_first_of(" \n");
        const auto word = line.substr(0, end);
        if (word.size() > name.size() && word.starts_with(name) && word[name.size()] == '=')
            value = word.substr(name.size() + 1);
        line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
    }
    return value;
}

/// The package's drop-in has all of it and only waits to be put to use.
std::string add_words(const Facts& facts, const char* words) {
    if (facts.has_grub_dropin) return update_grub;
    return fmt::format("echo 'GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX {}\"' >>/etc/default/grub.d/lineage.cfg && {}",
                       words, update_grub);
}

void check_audit_word(const Facts& facts, std::string_view line, Findings& findings) {
    const auto audit = value_of(line, "audit");  // audit_enable in kernel/audit.c: 0, off, 1, on
    if (audit == "0" || audit == "off") {
        findings.push_back(
            bad("boot.audit", fmt::format("audit={} on the kernel command line switches audit off", *audit),
                "sed -i -E 's/audit=(0|off)/audit=1/' /etc/default/grub && " + std::string(update_grub)));
    } else if (audit == "1" || audit == "on") {
        findings.push_back(ok("boot.audit", fmt::format("audit={} is on the kernel command line", *audit)));
    } else {
        findings.push_back(warn("boot.audit",
                                "audit=1 is not on the kernel command line: what pid 1 forks before audit is switched "
                                "on leaves no record",
                                add_words(facts, "audit=1")));
    }
}

void check_backlog_word(const Facts& facts, std::string_view line, Findings& findings) {
    const auto limit = value_of(line, "audit_backlog_limit");
    std::uint32_t records = 0;
    if (limit) std::from_chars(limit->data(), limit->data() + limit->size(), records);
    if (records >= backlog_limit_wanted) {
        findings.push_back(
            ok("boot.backlog", fmt::format("audit_backlog_limit={} is on the kernel command line", records)));
        return;
    }
    findings.push_back(warn(
        "boot.backlog",
        limit
            ? fmt::format("audit_backlog_limit={} holds less than a boot's records; {} are wanted", *limit,
                          backlog_limit_wanted)
            : std::string("audit_backlog_limit is not on the kernel command line: the kernel keeps 64 records until a "
                          "program asks for more"),
        add_words(facts, "audit_backlog_limit=131072")));
}

void check_loader(const Facts& facts, std::string_view line, Findings& findings) {
    for (const char* word : {"rdinit", "init"}) {
        const auto program = value_of(line, word);
        if (!program || !program->ends_with("lineage-early")) continue;
        if (!facts.has_loader && word == std::string_view("init")) {
            findings.push_back(bad("boot.loader",
                                   fmt::format("init={} is on the kernel command line, and is not there", *program),
                                   update_grub));
        } else {
            findings.push_back(
                ok("boot.loader", fmt::format("{}={} loads the rules before any other program", word, *program)));
        }
        return;
    }
    findings.push_back(warn("boot.loader",
                            "no loader is on the kernel command line: what runs before lineaged starts is not recorded",
                            add_words(facts, "init=/usr/sbin/lineage-early")));
}

}  // namespace

void check_boot(const Facts& facts, Findings& findings) {
    if (facts.command_line) {
        check_audit_word(facts, *facts.command_line, findings);
        check_backlog_word(facts, *facts.command_line, findings);
        check_loader(facts, *facts.command_line, findings);
    } else {
        findings.push_back(skipped("boot.command_line", "/proc/cmdline cannot be read", "mount -t proc proc /proc"));
    }
    if (!facts.has_systemd) return;
    if (!facts.has_unit) {
        findings.push_back(warn("boot.service", "lineaged.service is not installed: nothing starts lineaged at boot",
                                "apt-get install lineage"));
    } else if (!facts.unit_enabled) {
        findings.push_back(bad("boot.service", "lineaged.service is not enabled: nothing starts lineaged at boot",
                               "systemctl enable lineaged"));
    } else {
        findings.push_back(ok("boot.service", "lineaged.service is enabled"));
    }
}

}  // namespace lineage::doctor
