// Goal: what the machine's files say is read as their programs read it.
// Method: a machine's files in a folder.
#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "lineage/doctor/doctor.hpp"

using namespace lineage::doctor;
namespace fs = std::filesystem;

namespace {

class Machine {
public:
    Machine() {
        std::string name = (fs::temp_directory_path() / "lineage_doctor_XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        root_ = name;
    }
    ~Machine() { fs::remove_all(root_); }
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;
    void put(const std::string& path, const std::string& text = "") const {
        fs::create_directories((root_ + path).substr(0, (root_ + path).rfind('/')));
        std::ofstream(root_ + path) << text;
    }
    [[nodiscard]] Facts facts() const {
        Facts facts;
        read_files(root_, facts);
        read_settings(root_, facts);
        return facts;
    }
    [[nodiscard]] std::string path(const std::string& path) const { return root_ + path; }
    [[nodiscard]] std::string journald() const { return facts().journald_audit.value_or("none"); }

private:
    std::string root_;
};

}  // namespace

TEST_CASE("an empty machine has nothing") {
    const auto facts = Machine().facts();
    CHECK_FALSE(facts.command_line);
    CHECK_FALSE(facts.journald_audit);
    CHECK_FALSE((facts.has_systemd || facts.has_unit || facts.unit_enabled || facts.unit_masked || facts.has_loader ||
                 facts.has_init));
    CHECK(facts.grub_words.empty());
    CHECK(facts.programs.empty());
    CHECK(facts.rule_lines.empty());
    CHECK_FALSE((facts.rule_files_hidden || facts.our_rule_file));
    CHECK(facts.settings.text.empty());
    CHECK(facts.settings.trouble.empty());
}

TEST_CASE("what is installed and enabled") {
    const Machine machine;
    machine.put("/proc/cmdline", "root=/dev/sda1\n");
    machine.put("/run/systemd/system/x");
    machine.put("/usr/lib/systemd/system/lineaged.service");
    machine.put("/etc/systemd/system/sysinit.target.wants/lineaged.service");
    CHECK_FALSE(machine.facts().auditd_enabled);
    machine.put("/etc/systemd/system/multi-user.target.wants/auditd.service");
    machine.put("/usr/sbin/lineage-early");
    const auto facts = machine.facts();
    CHECK(facts.command_line == "root=/dev/sda1\n");
    CHECK((facts.auditd_enabled && facts.has_systemd && facts.has_unit && facts.unit_enabled && facts.has_loader));
    CHECK_FALSE(facts.unit_masked);
    fs::remove(machine.path("/usr/lib/systemd/system/lineaged.service"));
    fs::create_directories(machine.path("/run/systemd/system"));
    fs::create_symlink("/dev/null", machine.path("/etc/systemd/system/lineaged.service"));
    CHECK(machine.facts().unit_masked);
}

TEST_CASE("journald's Audit= is what was built in, then the main file, then the drop-ins by name, /etc over /usr/lib") {
    const Machine machine;
    machine.put("/lib/systemd/systemd-journald");
    CHECK(machine.journald() == "no");
    machine.put("/etc/systemd/journald.conf", "[Journal]\n#Audit=yes\n");
    CHECK(machine.journald() == "yes");
    machine.put("/etc/systemd/journald.conf", "[Journal]\n#Audit=yes\nAudit=off\n");
    CHECK(machine.journald() == "no");
    machine.put("/usr/lib/systemd/journald.conf.d/50-lineage.conf", "# why\n[Journal]\nAudit=\n");
    CHECK(machine.journald().empty());
    machine.put("/usr/lib/systemd/journald.conf.d/40-other.conf", "[Journal]\nAudit=yes\n");
    CHECK(machine.journald().empty());
    machine.put("/etc/systemd/journald.conf.d/60-other.conf", "[Upload]\nAudit=no\n");
    CHECK(machine.journald().empty());
    machine.put("/etc/systemd/journald.conf.d/50-lineage.conf", "[Journal]\nAudit = no\n");
    CHECK(machine.journald() == "no");
}

TEST_CASE("lines of audit's rules") {
    const Machine machine;
    machine.put("/etc/audit/audit.rules", "-D\n");
    auto facts = machine.facts();
    REQUIRE(facts.rule_lines.size() == 1);
    CHECK(facts.rule_lines[0].file == "/etc/audit/audit.rules");
    machine.put("/etc/audit/rules.d/audit.rules", "# -D\n\n -D\n# x\n-a never,task\n");
    machine.put("/etc/audit/rules.d/99-end.rules", "-e 2\n");
    machine.put("/etc/audit/rules.d/note.txt", "-D\n");
    facts = machine.facts();
    REQUIRE(facts.rule_lines.size() == 3);
    CHECK(facts.rule_lines[0].text == "-e 2");
    CHECK(facts.rule_lines[1].number == 3);
    CHECK(facts.rule_lines[1].text == "-D");
    CHECK(facts.rule_lines[2].number == 5);
    CHECK_FALSE(facts.our_rule_file);
    machine.put("/etc/audit/rules.d/00-lineage.rules", "-a always,exit -S fork -F key=lineage\n");
    CHECK(machine.facts().our_rule_file);
}

TEST_CASE("lineaged's settings are read as lineaged reads them") {
    const Machine machine;
    const auto bound = [&](const char* text) {
        machine.put("/etc/lineage/lineage.toml", text);
        const auto facts = machine.facts();
        return facts.settings.trouble.empty() ? static_cast<int>(facts.settings.values.history_bytes_max >> 30) : -1;
    };
    CHECK(bound("[journal]\nmax_size = \"2G\"\n[history]\n# max_size = \"3G\"\n") == 0);
    CHECK(bound("[history]\nmax_size = \"20G\"  # enough\n") == 20);
    CHECK(bound("history = { max_size = \"5G\" }\n") == 5);
    CHECK(bound("[history]\nmax_size = 0\n") == 0);
    CHECK(bound("[history]\n[history]\n") == -1);
    CHECK(machine.facts().settings.trouble.starts_with("/etc/lineage/lineage.toml:2: "));
    machine.put("/x.toml", "[rules]\ninstall = true\n[history]\nmax_size = \"7G\"\n");
    Facts facts;
    facts.recorder.command = {"--config", "/x.toml", "--no-rules", "--source=multicast"};
    read_settings(machine.path(""), facts);
    CHECK(facts.settings.values.history_bytes_max == 7ULL << 30);
    CHECK_FALSE(facts.settings.values.rules);
    CHECK(facts.settings.values.source == lineage::settings::SourceChoice::multicast);
}

TEST_CASE("the kernel's words in GRUB's configuration") {
    const Machine machine;
    machine.put("/etc/default/grub", "# audit=0\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet noaudit=1 audit=0 x.init=/y\"\n");
    const char* const ours =
        "if [ -x /usr/sbin/lineage-early ]; then\n"
        "    L=\"$L audit=1 audit_backlog_limit=131072 ${l:-init=/usr/sbin/lineage-early}\"\nfi\n";
    machine.put("/etc/default/grub.d/lineage.cfg", ours);
    REQUIRE(machine.facts().grub_words.size() == 1);
    CHECK(machine.facts().grub_words[0].value == "0");
    machine.put("/usr/sbin/lineage-early");
    const auto words = machine.facts().grub_words;
    REQUIRE(words.size() == 4);
    CHECK(words[2].value == "131072");
    CHECK(words[3].value == "/usr/sbin/lineage-early");
}

TEST_CASE("what init= names is looked for") {
    const Machine machine;
    machine.put("/proc/cmdline", "init=/opt/lineage-early\n");
    CHECK_FALSE(machine.facts().has_init);
    machine.put("/opt/lineage-early");
    CHECK(machine.facts().has_init);
}
