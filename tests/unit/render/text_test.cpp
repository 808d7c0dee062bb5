// Goal: what people read is aligned, complete and safe on a terminal, and depth costs neither stack nor quadratic time.
// Method: exact text of small histories in UTC; chains of 100,000.
#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <tuple>
#include <vector>

#include "sample.hpp"

using namespace lineage;
using namespace lineage::test;
using namespace std::string_literals;

namespace {
std::string path_of(const model::Path& path, const render::Style& style = utc_style()) {
    std::string out;
    render::path_text(path, style, out);
    return "\n" + out;
}
std::string tree_of(const std::vector<model::Node>& nodes, const render::Style& style = utc_style(),
                    const std::vector<model::Tamper>& tampering = {}, const std::vector<model::Gap>& gaps = {}) {
    std::string out;
    render::tree_text(forest(nodes), gaps, tampering, style, out);
    return "\n" + out;
}
bool has_text(const std::string& where, std::string_view what) {
    return where.find(what) != std::string::npos;
}
}  // namespace

TEST_CASE("show is a table from pid 0 down, with what is to say under each process") {
    const model::Gap gap{7, 1, noon_ns, noon_ns + 1'000'000'000, 12, model::Witness::audit, "the backlog was full"};
    CHECK(path_of({shell(), {sshd(), root()}, {gap}, {}}) == R"(
 PID  USER          LOGIN         STARTED                   COMMAND
   0  root (0)      -             2025-11-21 12:00:01.123Z  [swapper/0]
      born      boot, seen by procfs, id @1
 812  root (0)      -             2025-11-21 12:00:02.123Z  /usr/sbin/sshd -D
      born      fork, seen by audit, connector, event 502, id @2
      cwd       /
4242  alice (1000)  alice (1000)  2025-11-21 12:00:03.123Z  /usr/bin/bash as -bash
      born      fork, seen by audit, connector, event 503, id @3
      ppid      1, but created by 812
      user      root (0) -> alice (1000), by 2025-11-21 12:00:03.128Z
      effective root (0) -> alice (1000), by 2025-11-21 12:00:03.128Z
      group     0 -> 1000, by 2025-11-21 12:00:03.128Z
      login     - -> alice (1000), by 2025-11-21 12:00:03.128Z
      cwd       /
      ended     2025-11-21 12:00:05.623Z  SIGKILL (9), after 2.5 s
gap  2025-11-21 12:00:00.123Z to 2025-11-21 12:00:01.123Z: 12 lost (audit): the backlog was full
)");
}

namespace {
/// Done by the shell, undone after a second; sshd was born before.
model::Tamper tamper() {
    model::Tamper done;
    done.boot = 1;
    done.time_ns = done.from_ns = noon_ns + 3'500'000'000;
    done.to_ns = done.from_ns + 1'000'000'000;
    done.what = "10 of 10 rules missing\n";
    done.by = 3;
    done.pid = 4242;
    done.auid = 1000;
    return done;
}
}  // namespace

TEST_CASE("tampering is drawn into the path, the tree and the status, with who did it") {
    model::Path path{shell(), {sshd(), root()}, {}, {}};
    path.tampering = {tamper()};
    path.culprits.emplace(3, shell().process);
    const auto line =
        "tampering  2025-11-21 12:00:03.623Z to 2025-11-21 12:00:04.623Z: 10 of 10 rules missing\\012, by pid 4242 "
        "(bash), "
        "id @3, login alice (1000)\n";
    CHECK(has_text(path_of(path), line));
    render::Status status;
    status.tampering = {tamper()};
    status.culprits.emplace(3, model::Path{shell(), {sshd(), root()}, {}, {}});
    std::string out;
    render::status_text(status, utc_style(), out);
    CHECK(has_text(out, line));
    CHECK(has_text(out, "swapper/0 (0) => sshd (812) => bash (4242)\n"));
    CHECK(has_text(
        render::status_json(status),
        R"("tampering":[{"time":"2025-11-21T12:00:03.623456789Z","what":"10 of 10 rules missing\u000a","by":3,)"
        R"("pid":4242,"auid":1000,"impaired_from":"2025-11-21T12:00:03.623456789Z",)"
        R"("impaired_to":"2025-11-21T12:00:04.623456789Z","inferred":false,"times":1}])"));
    auto born_in_it = node(9, 99, 2, "late");
    born_in_it.process.born.time_ns = tamper().from_ns + 1;
    const auto tree = tree_of({root(), sshd(), shell(), born_in_it}, utc_style(), {tamper()});
    CHECK(has_text(tree, "SIGKILL (9), tampered with the recording: "));
    CHECK(has_text(tree, "while the recording was impaired: late"));
    CHECK_FALSE(has_text(tree, "812 while"));
}

TEST_CASE("tampering by nobody that is known, or by a guess, and not undone, says so") {
    auto unknown = tamper();
    unknown.by = unknown.to_ns = 0;
    unknown.pid = 0;
    unknown.auid = model::unset_uid;
    auto guessed = tamper();
    guessed.inferred = true;
    guessed.times = 7;
    model::Path path{shell(), {}, {}, {}};
    path.tampering = {unknown, guessed};
    const auto text = path_of(path);
    CHECK(has_text(text, "to (not undone): 10 of 10 rules missing\\012, by whom is not known\n"));
    CHECK(has_text(text, "undone 7 times, probably by pid 4242, id @3, login alice (1000)\n"));
    model::Path known{shell(), {}, {}, {}};
    known.tampering = {unknown};
    CHECK(has_text(render::path_json(known), R"("by":null,"pid":null,"auid":null)"));
    CHECK(has_text(render::path_json(known), R"("impaired_to":null)"));
}

TEST_CASE("show lists the images where there are several, and a change without an exec") {
    auto su = shell();
    su.images.push_back(image("/usr/bin/python3", {"/usr/bin/python3", "./run me.py"}, user(1000, 1000), noon_ns));
    su.images.back().script = "./run me.py";
    su.current = su.images.back();
    su.process.credentials = user(0, 1000);
    const auto text = path_of({su, {}, {}, {}});
    CHECK(has_text(text, "image     2025-11-21 12:00:03.128Z  /usr/bin/bash as -bash\n"));
    CHECK(has_text(text, "image     2025-11-21 12:00:00.123Z  /usr/bin/python3 './run me.py'  (script ./run me.py)\n"));
    CHECK(has_text(text, "user      alice (1000) -> root (0)\n"));
    CHECK_FALSE(has_text(text, "login "));
}

TEST_CASE("show tells of failed execs, the newest where there are many") {
    auto tried = shell();
    tried.attempts = {{0, noon_ns, 540, "/nonexistent\033", 2, "/home"}, {1, noon_ns, 541, "./x", 13, "/home"}};
    auto text = path_of({tried, {}, {}, {}});
    CHECK(has_text(text, "attempt   2025-11-21 12:00:00.123Z  /nonexistent\\033  ENOENT\n"));
    CHECK(has_text(text, "attempt   2025-11-21 12:00:00.123Z  ./x  EACCES, in /home\n"));
    CHECK_FALSE(has_text(text, "earlier"));
    for (int seq = 2; seq < 11; ++seq) tried.attempts.push_back({seq, noon_ns, 541, "/nth", 2, ""});
    text = path_of({tried, {}, {}, {}});
    CHECK(has_text(text, "attempts  3 earlier\n"));
    CHECK_FALSE(has_text(text, "./x"));
}

TEST_CASE("show says who sent the signal") {
    auto killed = shell();
    killed.process.ended->by = 2;
    CHECK(has_text(path_of({killed, {}, {}, {{2, sshd().process}}}),
                   "SIGKILL (9), after 2.5 s, from pid 812 (sshd, root (0)), id @2\n"));
    CHECK(has_text(path_of({killed, {}, {}, {}}), ", from @2\n"));
    killed.process.ended->by = killed.process.id;
    CHECK(has_text(path_of({killed, {}, {}, {}}), ", from itself\n"));
}

TEST_CASE("show says what is inferred and how an end is known") {
    auto lost = shell();
    lost.process.inferred = model::Inferred::parent_from_ppid;
    lost.process.ended->signal.reset();
    const auto text = path_of({lost, {}, {}, {}});
    CHECK(has_text(text, "inferred  "s + model::text_of(model::Inferred::parent_from_ppid)));
    CHECK(has_text(text, "gone, end not seen"));
    lost.process.ended->signal = 11;
    lost.process.ended->core_dumped = true;
    CHECK(has_text(path_of({lost, {}, {}, {}}), "SIGSEGV (11), core dumped"));
}

TEST_CASE("a tree is drawn with lines, the first born first") {
    auto late = node(9, 900, 1, "late");
    auto child = node(4, 4243, 3, "child");
    child.process.credentials = user(1000, 1000);
    child.process.inferred = model::Inferred::parent_from_ppid;
    late.process.credentials = user(0);
    CHECK(tree_of({root(), late, sshd(), shell(), child}) == R"(
0 root (0): [swapper/0]
├─ 812: /usr/sbin/sshd -D
│  └─ 4242 alice (1000), login alice (1000), SIGKILL (9): /usr/bin/bash as -bash
│     └─ 4243 inferred: child
└─ 900: late
)");
    const model::Gap gap{7, 1, noon_ns, noon_ns + 1'000'000'000, 12, model::Witness::audit, "the backlog was full"};
    CHECK(tree_of({late}, utc_style(), {}, {gap}) == R"(
900 root (0): late
gap  2025-11-21 12:00:00.123Z to 2025-11-21 12:00:01.123Z: 12 lost (audit): the backlog was full
)");
}

TEST_CASE("a terminal's width cuts lines by characters, and colours are put on a terminal only") {
    auto style = utc_style();
    style.width = 20;
    auto wide = sshd();
    wide.current.argv = {"sshd", "\u00fc\u00fc\u00fc\u00fc"};
    wide.process.parent = 0;
    CHECK(tree_of({wide}, style) == "\n812 root (0): /usr/…\n");
    CHECK_FALSE(has_text(tree_of({wide}, style), "\033"));
    style.color = true;
    CHECK(has_text(tree_of({wide}, style), "\033["));
}

TEST_CASE("hostile bytes stay out of every text view") {
    auto hostile = shell();
    hostile.process.comm = every_byte();
    hostile.current = image("/tmp/" + every_byte(), {every_byte(), "\033[2J"}, user(0), noon_ns);
    hostile.current.script = every_byte();
    hostile.current.cwd = every_byte();
    hostile.images = {hostile.current, hostile.current};
    auto style = utc_style();
    style.user_name = [](std::uint32_t) { return "\033[31mroot"s; };
    std::string list;
    render::list_line(hostile, style, list);
    const model::Gap gap{7, 1, noon_ns, noon_ns, std::nullopt, model::Witness::audit, every_byte()};
    for (const auto& text :
         {path_of({hostile, {hostile}, {gap}, {}}, style), tree_of({hostile}, style, {}, {gap}), list}) {
        CHECK(render::is_utf8(text));
        CHECK(std::none_of(text.begin(), text.end(),
                           [](char c) { return (c >= 0 && c < 0x20 && c != '\n') || c == 0x7f; }));
    }
    CHECK(std::count(list.begin(), list.end(), '\n') == 1);
}

TEST_CASE("a chain of 100,000 is drawn without recursion and without n * n columns") {
    constexpr model::Id depth = 100'000;
    model::Forest chain;
    model::Path path;
    for (model::Id id = 1; id <= depth; ++id) {
        const auto vertex = add_node(node(id, static_cast<model::Pid>(id), id - 1, "deep"), chain);
        if (vertex > 0) boost::add_edge(vertex - 1, vertex, chain);
        path.ancestors.push_back(node(id, static_cast<model::Pid>(id), id - 1, "deep"));
    }
    std::string out;
    render::tree_text(chain, {}, {}, utc_style(), out);
    CHECK(std::count(out.begin(), out.end(), '\n') == depth);
    CHECK(has_text(out, "[level 99999] 100000"));
    CHECK(out.size() < 400 * depth);
    std::string lines;
    render::path_text(path, utc_style(), lines);
    CHECK(std::count(lines.begin(), lines.end(), '\n') > depth);
}

TEST_CASE("find's line has the id, the user and how it ended") {
    std::string out;
    render::list_header(utc_style(), out);
    render::list_line(shell(), utc_style(), out);
    CHECK("\n" + out == R"(
ID       PID     USER            LOGIN           STARTED                  ENDED         LIVED        COMMAND
@3       4242    alice (1000)    alice (1000)    2025-11-21 12:00:03.123Z SIGKILL (9)   2.5 s        /usr/bin/bash as -bash
)");
}

TEST_CASE("a life of any length that a damaged database may say has words") {
    constexpr auto least = std::numeric_limits<model::TimeNs>::min();
    constexpr auto most = std::numeric_limits<model::TimeNs>::max();
    for (const auto& [from_ns, to_ns, words] :
         std::vector<std::tuple<model::TimeNs, model::TimeNs, std::string>>{{noon_ns, least, "-1271"},
                                                                            {0, least, "-106751 d 23 h"},
                                                                            {least, most, "213503 d 23 h"},
                                                                            {most, 0, "-106751 d 23 h"}}) {
        auto node = shell();
        node.process.born.time_ns = from_ns;
        node.process.ended->time_ns = to_ns;
        std::string out;
        render::list_line(node, utc_style(), out);
        CHECK(has_text(out, words));
    }
}

TEST_CASE("boots are a line each, the newest is 0, and no name of a boot or host reaches the terminal raw") {
    const std::vector<model::BootExtent> boots{
        {{1, "one\x1b[m", "a\nb", noon_ns, true}, 12, std::nullopt, noon_ns, false},
        {{2, "two", "", noon_ns + 1'000'000'000, false}, 3, noon_ns + 2'000'000'000, noon_ns + 3'000'000'000, true}};
    std::string out;
    render::boots_text(boots, {false, true, 0, {}}, out);
    CHECK(out.find("-1     1       one\\033[m") != std::string::npos);
    CHECK(out.find("a\\012b") != std::string::npos);
    CHECK(out.find("12, imported\n0      2       two") != std::string::npos);
    CHECK(render::boot_extent_json(boots[1], 0) ==
          R"({"kind":"boot","id":2,"index":0,"boot_id":"two","host":null,"started":"2025-11-21T12:00:01.123456789Z",)"
          R"("recorded_from":"2025-11-21T12:00:02.123456789Z","last_seen":"2025-11-21T12:00:03.123456789Z",)"
          R"("ended":"2025-11-21T12:00:03.123456789Z","processes":3,"imported":false})");
    CHECK(render::boot_extent_json(boots[0], -1).find(R"("recorded_from":null)") != std::string::npos);
    CHECK(render::boot_extent_json(boots[0], -1).find(R"("ended":null)") != std::string::npos);
}

TEST_CASE("a finding is a line, its mend below it") {
    using State = model::Finding::State;
    const std::vector<model::Finding> findings{{"a.one", State::ok, "fine", ""},
                                               {"b.two", State::bad, "\x1b[31m\"bad\"", "rm 'x'"}};
    std::string out;
    render::findings_text(findings, {}, out);
    CHECK(out ==
          "ok       a.one                 fine\n"
          "bad      b.two                 \\033[31m\"bad\"\n"
          "         mend: rm 'x'\n");
    CHECK(render::findings_json(findings) ==
          R"({"checks":[{"name":"a.one","state":"ok","found":"fine","mend":null},)"
          R"({"name":"b.two","state":"bad","found":"\u001b[31m\"bad\"","mend":"rm 'x'"}]})");
}

TEST_CASE("status names every gap") {
    render::Status status;
    status.gaps = {{1, 1, 1'000'000'000, 2'000'000'000, 7, model::Witness::audit, "dropped"},
                   {2, 1, 3'000'000'000, 4'000'000'000, std::nullopt, model::Witness::connector, "overflowed"}};
    std::string out;
    render::status_text(status, utc_style(), out);
    CHECK(has_text(out, "gaps                        2\n"));
    CHECK(has_text(out, "1970-01-01 00:00:02.000Z: 7 lost (audit): dropped\n"));
    CHECK(has_text(out, "an unknown number lost (connector): overflowed\n"));
}

TEST_CASE("status says so when nothing is recorded") {
    render::Status status;
    std::string out;
    render::status_text(status, utc_style(), out);
    CHECK(has_text(out, "not running"));
    status.recorder_alive = true;
    status.facts["recorder.pid"] = "42";
    out.clear();
    render::status_text(status, utc_style(), out);
    CHECK_FALSE(has_text(out, "not running"));
    CHECK(has_text(out, "recorder.pid                42\n"));
}
