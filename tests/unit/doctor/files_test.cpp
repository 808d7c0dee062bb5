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
        return facts;
    }
    [[nodiscard]] std::string journald() const { return facts().journald_audit.value_or("none"); }

private:
    std::string root_;
};

}  // namespace

TEST_CASE("an empty machine has nothing") {
    const auto facts = Machine().facts();
    CHECK_FALSE(facts.command_line);
    CHECK_FALSE(facts.journald_audit);
    CHECK_FALSE(
        (facts.has_systemd || facts.has_unit || facts.unit_enabled || facts.has_grub_dropin || facts.has_loader));
    CHECK(facts.rule_lines.empty());
    CHECK_FALSE((facts.rule_files_hidden || facts.our_rule_file));
    CHECK(facts.history_max_size.empty());
}

TEST_CASE("what is installed and enabled") {
    const Machine machine;
    machine.put("/proc/cmdline", "root=/dev/sda1\n");
    machine.put("/run/systemd/system/x");
    machine.put("/usr/lib/systemd/system/lineaged.service");
    machine.put("/etc/systemd/system/sysinit.target.wants/lineaged.service");
    CHECK_FALSE(machine.facts().auditd_enabled);
    machine.put("/etc/systemd/system/multi-user.target.wants/auditd.service");
    machine.put("/etc/default/grub.d/lineage.cfg");
    machine.put("/usr/sbin/lineage-early");
    const auto facts = machine.facts();
    CHECK(facts.command_line == "root=/dev/sda1\n");
    CHECK((facts.auditd_enabled && facts.has_systemd && facts.has_unit && facts.unit_enabled && facts.has_grub_dropin &&
           facts.has_loader));
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

TEST_CASE("lines of audit's rules that bear on ours") {
    const Machine machine;
    machine.put("/etc/audit/audit.rules", "-D\n");
    auto facts = machine.facts();
    REQUIRE(facts.rule_lines.size() == 1);
    CHECK(facts.rule_lines[0].file == "/etc/audit/audit.rules");
    machine.put("/etc/audit/rules.d/audit.rules", "# -D\n\n -D\n-b 8192\n-a never,task\n-w /etc -k D\n");
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

TEST_CASE("the history's bound") {
    const Machine machine;
    machine.put("/etc/lineage/lineage.toml",
                "max_size = \"1G\"\n[journal]\nmax_size = \"2G\"\n[history]\n# max_size = \"3G\"\n");
    CHECK(machine.facts().history_max_size.empty());
    machine.put("/etc/lineage/lineage.toml", "[history]\nmax_size = \"20G\"  # enough\n");
    CHECK(machine.facts().history_max_size == "20G");
    machine.put("/etc/lineage/lineage.toml", "[history]\nmax_size = 0\n");
    CHECK(machine.facts().history_max_size.empty());
}
