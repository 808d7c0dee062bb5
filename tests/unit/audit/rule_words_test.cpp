// Goal: a rule in auditctl's words is the rule that it was, and a line of a file of rules is read as auditctl reads it.
// Method: rules of the lists that have no calls, there and back; lines as people write them.
#include "lineage/audit/rule_words.hpp"

#include <doctest/doctest.h>
#include <linux/audit.h>

#include "lineage/audit/weakness.hpp"

using namespace lineage::audit;

namespace {

std::string text_of(const std::string& line) {
    const auto wanted = rule_of_line(options_of_line(line));
    return wanted ? text_of_rule(wanted->rule) : "none";
}

std::string options_text(const std::string& line) {
    std::string text;
    for (const auto& option : options_of_line(line)) text += option.name + "(" + option.value + ")";
    return text;
}

}  // namespace

TEST_CASE("a line is read like a command line") {
    CHECK(options_text("-D") == "-D()");
    CHECK(options_text("  -e \t 2") == "-e(2)");
    CHECK(options_text("-e2 -b 64") == "-e(2)-b(64)");
    CHECK(options_text("--backlog_wait_time 60000") == "--backlog_wait_time(60000)");
    CHECK(options_text("--backlog_wait_time=60000 -i") == "--backlog_wait_time(60000)-i()");
    CHECK(options_text("-w /etc/passwd -p wa -k -D") == "-w(/etc/passwd)-p(wa)-k(-D)");
    CHECK(options_text("-e") == "-e()");
    CHECK(options_text("nothing - x") == "");
}

TEST_CASE("a rule in words is the same rule again") {
    for (const char* const line :
         {"-a never,task", "-a never,task -F uid=4711", "-a always,exclude -F msgtype>=SYSCALL",
          "-a always,exclude -F exe=/opt/a -F auid!=-1", "-a never,filesystem -F fstype=4283649346"}) {
        CHECK(text_of(line) == line);
        CHECK(words_of_rule(rule_of_line(options_of_line(line))->rule).size() >= 2);
    }
    CHECK(text_of("-A task,never") == "-a never,task");
    CHECK(rule_of_line(options_of_line("-A task,never"))->first);
    CHECK(rule_of_line(options_of_line("-a exit,always -S all -F nonsense=1"))->of_calls);
}

TEST_CASE("what auditctl refuses asks for no rule") {
    for (const char* const line :
         {"", "-a never", "-a never,nothing", "-a never,task -a never,task", "-a never,task -F nonsense=1",
          "-a always,exclude -F msgtype=NOTHING", "-w /etc/passwd -p wa", "-F uid=0"})
        CHECK(text_of(line) == "none");
}
