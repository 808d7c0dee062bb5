// Goal: each mend that changes files works as it is printed, and makes its finding go away; nothing else changes.
// Method: a machine's files in a folder; what doctor prints for it is given to a shell, with /etc put below that folder
// and stand-ins for the programs that belong to the live machine; then the machine is looked at again.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "lineage/doctor/doctor.hpp"

using namespace lineage;
using namespace lineage::doctor;
namespace fs = std::filesystem;

namespace {

std::string replaced(std::string text, const std::string& what, const std::string& with) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
        text.replace(at, what.size(), with);
    return text;
}

class Machine {
public:
    Machine() {
        std::string name = (fs::temp_directory_path() / "lineage_mends_XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        root_ = name;
        for (const char* const program : {"update-grub", "systemctl"}) put_program(program, "exit 0");
        put("/run/systemd/system/x");
    }
    ~Machine() { fs::remove_all(root_); }
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    void put(const std::string& path, const std::string& text = "") const {
        fs::create_directories((root_ + path).substr(0, (root_ + path).rfind('/')));
        std::ofstream(root_ + path) << text;
    }
    void put_program(const std::string& name, const std::string& script) const {
        put("/usr/sbin/" + name, "#!/bin/sh\n" + script + "\n");
        REQUIRE(::chmod((root_ + "/usr/sbin/" + name).c_str(), 0755) == 0);
    }
    [[nodiscard]] std::string text(const std::string& path) const {
        std::ostringstream text;
        text << std::ifstream(root_ + path).rdbuf();
        return text.str();
    }
    [[nodiscard]] std::vector<model::Finding> findings() const {
        Facts facts;
        read_files(root_, facts);
        read_settings(root_, facts);
        facts.tick_ns = 4'000'000;
        facts.database.path = "/var/lib/lineage/lineage.db";
        facts.audit.emplace();
        facts.audit->rules = audit::lineage_rules();
        return examine(facts);
    }
    /// The mend of the first finding of that name that is not ok; "" where there is none.
    [[nodiscard]] std::string mend(const std::string& name) const {
        for (const auto& finding : findings())
            if (finding.name == name && finding.state != model::Finding::State::ok) return finding.mend;
        return "";
    }
    void run(const std::string& command) const {
        CAPTURE(command);
        auto here = command;
        for (const std::string path : {"/etc/", "/usr/lib/", "/usr/sbin/update-grub", "/usr/sbin/auditctl"})
            here = replaced(here, path, root_ + path);
        ::setenv("HERE", (root_ + "/usr/sbin:" + std::getenv("PATH")).c_str(), 1);
        std::ofstream(root_ + "/mend.sh") << "PATH=$HERE\n" << here << "\n";
        CHECK(std::system(("sh " + root_ + "/mend.sh").c_str()) == 0);
    }
    /// Applies mend after mend; each must be one that a shell can do.
    void mend_all(const std::string& prefix) const {
        for (int tries = 0; tries < 20; ++tries) {
            const auto all = findings();
            const auto found = std::find_if(all.begin(), all.end(), [&](const auto& one) {
                return one.name.starts_with(prefix) && one.state != model::Finding::State::ok;
            });
            if (found == all.end()) return;
            REQUIRE_FALSE(found->mend.starts_with('#'));
            run(found->mend);
        }
        FAIL("the mends do not end");
    }

private:
    std::string root_;
};

}  // namespace

TEST_CASE("lines of a rule file: all mends as they were first printed, and no other line changes") {
    const Machine machine;
    machine.put("/etc/audit/rules.d/00-lineage.rules", "-a always,exit -S fork -F key=lineage\n");
    machine.put(
        "/etc/audit/rules.d/audit.rules",
        "-D\n-b 64\n  -a task,never -F uid=5\n-w /etc/passwd -p wa -k id\n-e  2\n-r5\n--backlog_wait_time 60000\n"
        "-a always,exclude -F msgtype=PROCTITLE\n-A exclude,never -F auid>=1000\n-f 2\n-A never,exit -S all\n-e 0\n"
        "-a always,exit -F arch=b64 -S mount -k mnt\n");
    std::vector<std::string> names;
    std::vector<std::string> mends;
    for (const auto& finding : machine.findings()) {
        if (!finding.name.starts_with("augenrules") || finding.state == model::Finding::State::ok) continue;
        names.push_back(finding.name);
        mends.push_back(finding.mend);
    }
    CHECK(names == std::vector<std::string>{"augenrules.backlog_limit", "augenrules.never_task", "augenrules.lock",
                                            "augenrules.rate_limit", "augenrules.backlog_wait", "augenrules.exclude",
                                            "augenrules.exclude", "augenrules.failure", "augenrules.order",
                                            "augenrules.enabled"});
    for (const auto& mend : mends) machine.run(mend);
    for (const auto& finding : machine.findings())
        if (finding.name.starts_with("augenrules")) CHECK(finding.state == model::Finding::State::ok);
    CHECK(machine.text("/etc/audit/rules.d/audit.rules") ==
          "-D\n# -b 64\n#   -a task,never -F uid=5\n-w /etc/passwd -p wa -k id\n# -e  2\n# -r5\n# --backlog_wait_time "
          "60000\n"
          "# -a always,exclude -F msgtype=PROCTITLE\n# -A exclude,never -F auid>=1000\n# -f 2\n-a never,exit -S all\n# "
          "-e 0\n"
          "-a always,exit -F arch=b64 -S mount -k mnt\n");
}

TEST_CASE("what is said of a rule file's line by its meaning, and not by its looks") {
    const Machine machine;
    const auto says = [&](const char* line) {
        machine.put("/etc/audit/rules.d/00-lineage.rules", "-a always,exit -S fork -F key=lineage\n");
        machine.put("/etc/audit/rules.d/a.rules", std::string(line) + "\n");
        std::string names;
        for (const auto& finding : machine.findings())
            if (finding.name.starts_with("augenrules."))
                names += finding.name.substr(11) + " " + model::name_of(finding.state);
        return names;
    };
    CHECK(says("-a exclude,always -F msgtype=EXECVE") == "exclude bad");
    CHECK(says("-a exclude,always -F msgtype=PROCTITLE") == "exclude warn");
    CHECK(says("-a always,exclude -F uid=0") == "exclude bad");
    CHECK(says("-anever,task") == "never_task bad");
    CHECK(says("-a always,task") == "");
    CHECK(says("-a never,user -F msgtype=USER_TTY") == "");
    CHECK(says("-a never,exit -S all -k never,task") == "");
    CHECK(says("-D -k other") == "");
    CHECK(says("-D -k lineage") == "delete ok");
    CHECK(says("-e 1") == "");
    CHECK(says("-b 8192") == "");
    CHECK(says("-b 0") == "");
    CHECK(says("-r 0") == "");
    CHECK(says("-f 1") == "");
}

TEST_CASE("our rules are put behind a deletion") {
    const Machine machine;
    const std::string ours = "-a always,exit -S fork -F key=lineage";
    machine.put_program("auditctl", "echo '" + ours + "'; echo '-a always,exit -F devmajor=0 -F key=lineage'");
    SUBCASE("in augenrules' folder") {
        machine.put("/etc/audit/rules.d/audit.rules", "# first\n-D\n");
        machine.mend_all("augenrules");
        CHECK(machine.text("/etc/audit/rules.d/00-lineage.rules") == ours + "\n");
    }
    SUBCASE("in the only file there is") {
        machine.put("/etc/audit/audit.rules", "# first\n-D\n-a always,exit -S mount\n");
        machine.mend_all("augenrules");
        CHECK(machine.text("/etc/audit/audit.rules") == "# first\n-D\n" + ours + "\n-a always,exit -S mount\n");
        CHECK_FALSE(machine.mend("augenrules.delete") != "");
    }
}

TEST_CASE("a bound for the history, however lineage.toml is written") {
    const Machine machine;
    const auto mended = [&](const std::string& text) {
        machine.put("/etc/lineage/lineage.toml", text);
        machine.mend_all("disk.bound");
        CHECK(machine.mend("settings") == "");
        return machine.text("/etc/lineage/lineage.toml");
    };
    CHECK(mended("[history]\nmax_size = 0\n[journal]\nmax_size = \"2G\"\n") ==
          "[history]\nmax_size = \"20G\"\n[journal]\nmax_size = \"2G\"\n");
    CHECK(mended("[journal]\nmax_size = \"2G\"\n[history]\nmax_size = 0\n") ==
          "[journal]\nmax_size = \"2G\"\n[history]\nmax_size = \"20G\"\n");
    CHECK(mended("[history]\nmax_age = 0\n") == "[history]\nmax_size = \"20G\"\nmax_age = 0\n");
    CHECK(mended("[ history ] # x\n") == "[ history ] # x\nmax_size = \"20G\"\n");
    CHECK(mended("history.max_size = 0\n") == "history.max_size = \"20G\"\n");
    CHECK(mended("history.max_age = 0\n") == "history.max_size = \"20G\"\nhistory.max_age = 0\n");
    CHECK(mended("[rules]\ncheck_ms = 50") == "[rules]\ncheck_ms = 50\n[history]\nmax_size = \"20G\"\n");
    CHECK(mended("") == "\n[history]\nmax_size = \"20G\"\n");
    machine.put("/etc/lineage/lineage.toml", "history = { max_age = 0 }\n");
    CHECK(machine.mend("disk.bound") == "# give history max_size = \"20G\" in /etc/lineage/lineage.toml");
    machine.put("/etc/lineage/lineage.toml", "[history]\nmax_age = \"90d\"\n");
    CHECK(machine.mend("disk.bound") == "");
}

TEST_CASE("journald lets audit be, whichever of its files says otherwise") {
    const auto mended = [](const std::string& path) {
        const Machine machine;
        machine.put("/lib/systemd/systemd-journald");
        if (!path.empty()) machine.put(path, "[Journal]\n Audit = no\n");
        CHECK(machine.mend("journald.audit") != "");
        machine.mend_all("journald");
    };
    mended("");
    mended("/etc/systemd/journald.conf");
    mended("/etc/systemd/journald.conf.d/90-theirs.conf");
    mended("/usr/lib/systemd/journald.conf.d/zz-lineage.conf");
    mended("/etc/systemd/journald.conf.d/zzz.conf");
}

TEST_CASE("the kernel's words go where GRUB takes them from, and the last one counts") {
    const Machine machine;
    machine.put("/proc/cmdline", "quiet audit=off audit_backlog_limit=64\n");
    machine.put("/usr/sbin/lineage-early");
    machine.put("/etc/default/grub", "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet audit=off audit_backlog_limit=64\"\n");
    for (const char* const name : {"boot.audit", "boot.backlog", "boot.loader"}) {
        CHECK_FALSE(machine.mend(name).starts_with('#'));
        machine.run(machine.mend(name));
    }
    CHECK(machine.text("/etc/default/grub") ==
          "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet audit=1 audit_backlog_limit=131072\"\n");
    CHECK(machine.text("/etc/default/grub.d/lineage.cfg") ==
          "GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX init=/usr/sbin/lineage-early\"\n");
    // Before the next boot it stays as it is, and what is printed then changes nothing more.
    CHECK(machine.mend("boot.backlog").ends_with("update-grub   # then reboot"));
    CHECK(machine.mend("boot.backlog").find("sed") == std::string::npos);
}
