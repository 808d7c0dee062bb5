// The kernel's command line, and what starts at boot.
#include <strings.h>

#include <charconv>
#include <functional>
#include <optional>

#include "checks.hpp"
#include "command_line.hpp"
#include "mends.hpp"

namespace lineage::doctor {
namespace {

// A boot of a busy server makes about 100,000 records before the recorder's disk is there (15 a process, BOOT.md).
constexpr std::uint32_t backlog_limit_wanted = 65'536;
constexpr const char* install_loader = "install lineage's package, which has the loader and puts it there (README.md)";

/// audit_enable in kernel/audit.c: what it does not know switches audit on.
bool switches_off(const std::string& value) {
    return value == "0" || ::strcasecmp(value.c_str(), "off") == 0;
}

/// kstrtouint, base 0; nullopt: the kernel leaves the limit as it is.
std::optional<std::uint32_t> number_of(std::string_view text) {
    int base = 10;
    if (text.starts_with("0x") || text.starts_with("0X")) {
        base = 16;
        text.remove_prefix(2);
    } else if (text.size() > 1 && text.starts_with('0')) {
        base = 8;
    }
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

bool is_enough(const std::string& value) {
    const auto records = number_of(value);
    return records && (*records == 0 || *records >= backlog_limit_wanted);  // 0: no limit
}

/// Another init is not ours to replace.
bool is_loader_there(const std::string& value) {
    return value == loader_path || name_of_file(value) != loader_name;
}

/// Puts the word onto the next boot's command line: GRUB's configuration has it wrong, has it and was not put to use,
/// or has it not.
std::string add_word(const Facts& facts, const std::string& name, const std::string& value,
                     const std::function<bool(const std::string&)>& is_right) {
    if (!has_program(facts, "update-grub"))
        return by_hand(
            fmt::format("put {0}={1} onto the kernel command line where your boot loader keeps it, in "
                        "place of another {0}=, and reboot",
                        name, value));
    const auto update = program(facts, "update-grub") + "   # then reboot";
    bool is_there = false;
    std::string corrections;
    for (const auto& word : facts.grub_words) {
        if (word.name != name) continue;
        is_there = is_there || is_right(word.value);
        if (!is_right(word.value))
            corrections +=
                fmt::format("sed -i {} {} && ", quoted(fmt::format("s|{0}={1}|{0}={2}|g", name, word.value, value)),
                            quoted(word.file));
    }
    if (is_there || !corrections.empty()) return corrections + update;
    return fmt::format(
        "mkdir -p /etc/default/grub.d && echo 'GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX {}={}\"' "
        ">>/etc/default/grub.d/lineage.cfg && {}",
        name, value, update);
}

void check_audit_word(const Facts& facts, Findings& findings) {
    const auto values = values_of(*facts.command_line, "audit");
    const auto mend = [&] {
        return add_word(facts, "audit", "1", [](const auto& value) { return !switches_off(value); });
    };
    if (values.empty()) {
        findings.push_back(warn("boot.audit",
                                "audit=1 is not on the kernel command line: what pid 1 forks before audit is switched "
                                "on leaves no record",
                                mend()));
    } else if (switches_off(values.back())) {
        findings.push_back(bad("boot.audit",
                               fmt::format("audit={} on the kernel command line switches audit off", values.back()),
                               mend()));
    } else {
        findings.push_back(ok("boot.audit", fmt::format("audit={} is on the kernel command line", values.back())));
    }
}

void check_backlog_word(const Facts& facts, Findings& findings) {
    const auto values = values_of(*facts.command_line, "audit_backlog_limit");
    std::optional<std::string> limit;  // the last that the kernel understands
    for (const auto& value : values)
        if (number_of(value)) limit = value;
    if (limit && is_enough(*limit)) {
        findings.push_back(
            ok("boot.backlog", fmt::format("audit_backlog_limit={} is on the kernel command line", *limit)));
        return;
    }
    const auto found = limit ? fmt::format("audit_backlog_limit={} holds less than a boot's records; {} are wanted",
                                           *limit, backlog_limit_wanted)
                       : values.empty()
                           ? std::string(
                                 "audit_backlog_limit is not on the kernel command line: the kernel keeps 64 "
                                 "records until a program asks for more")
                           : fmt::format(
                                 "audit_backlog_limit={} is no number: the kernel keeps 64 records until a "
                                 "program asks for more",
                                 values.back());
    findings.push_back(warn("boot.backlog", found, add_word(facts, "audit_backlog_limit", "131072", is_enough)));
}

void check_loader(const Facts& facts, Findings& findings) {
    // Once rdinit= is there, the kernel does not look at init= (kernel_init in init/main.c), but the initramfs does.
    const auto in_initramfs = values_of(*facts.command_line, "rdinit");
    const auto at_root = values_of(*facts.command_line, "init");
    const auto names_loader = [](const auto& values) {
        return !values.empty() && name_of_file(values.back()) == loader_name;
    };
    const auto put_there = [&] {
        return facts.has_loader ? add_word(facts, "init", loader_path, is_loader_there) : by_hand(install_loader);
    };
    if (names_loader(in_initramfs)) {
        findings.push_back(
            ok("boot.loader", fmt::format("rdinit={} loads the rules before any other program", in_initramfs.back())));
    } else if (names_loader(at_root) && !facts.has_init) {
        findings.push_back(bad("boot.loader",
                               fmt::format("init={} is on the kernel command line, and is not there", at_root.back()),
                               facts.has_loader ? put_there()
                                                : by_hand(fmt::format("take init={} off the kernel command line, or {}",
                                                                      at_root.back(), install_loader))));
    } else if (names_loader(at_root)) {
        findings.push_back(
            ok("boot.loader", fmt::format("init={} loads the rules before any other program", at_root.back())));
    } else if (!at_root.empty() && facts.has_loader) {
        findings.push_back(
            warn("boot.loader",
                 fmt::format("init={} is on the kernel command line, not the loader: what runs before lineaged starts "
                             "is not recorded",
                             at_root.back()),
                 by_hand(fmt::format("put init={} lineage.init={} there in its place, and reboot; lineage-early(8)",
                                     loader_path, at_root.back()))));
    } else {
        findings.push_back(warn(
            "boot.loader", "no loader is on the kernel command line: what runs before lineaged starts is not recorded",
            put_there()));
    }
}

void check_service(const Facts& facts, Findings& findings) {
    if (!facts.has_unit) {
        findings.push_back(warn("boot.service", "lineaged.service is not installed: nothing starts lineaged at boot",
                                by_hand("install lineage's package, which has the service (README.md)")));
    } else if (facts.unit_masked) {
        findings.push_back(bad("boot.service", "lineaged.service is masked: nothing starts lineaged at boot",
                               "systemctl unmask lineaged && systemctl enable lineaged"));
    } else if (!facts.unit_enabled) {
        findings.push_back(bad("boot.service", "lineaged.service is not enabled: nothing starts lineaged at boot",
                               "systemctl enable lineaged"));
    } else {
        findings.push_back(ok("boot.service", "lineaged.service is enabled"));
    }
}

}  // namespace

void check_boot(const Facts& facts, Findings& findings) {
    if (facts.command_line) {
        check_audit_word(facts, findings);
        check_backlog_word(facts, findings);
        check_loader(facts, findings);
    } else {
        findings.push_back(skipped("boot.command_line", "/proc/cmdline cannot be read", "mount -t proc proc /proc"));
    }
    if (facts.has_systemd) check_service(facts, findings);
}

}  // namespace lineage::doctor
