// Goal: JSON is the contract's (DESIGN.md, section 6), field by field and in its order, and valid whatever argv holds.
// Method: exact text for a process that has everything; nlohmann::json as the judge of hostile bytes.
#include <doctest/doctest.h>

#include <ctime>
#include <nlohmann/json.hpp>

#include "sample.hpp"

using namespace lineage;
using namespace lineage::test;
using namespace std::string_literals;

TEST_CASE("times are RFC 3339 in UTC with nanoseconds") {
    CHECK(render::time_json(noon_ns) == "2025-11-21T12:00:00.123456789Z");
    CHECK(render::time_json(951'782'400'000'000'000) == "2000-02-29T00:00:00.000000000Z");
    CHECK(render::time_json(-1) == "1969-12-31T23:59:59.999999999Z");
}

TEST_CASE("a process has the contract's fields in the contract's order") {
    CHECK(
        render::process_json(shell()) ==
        R"({"kind":"process","id":3,"boot":"b00t","pid":4242,"ns_pid":null,"parent":2,"ppid":1,)"
        R"("born":{"time":"2025-11-21T12:00:03.123456789Z","serial":503,"how":"fork","witness":["audit","connector"]},)"
        R"("ended":{"time":"2025-11-21T12:00:05.623456789Z","serial":null,"code":null,"signal":9,"witness":["connector"],"core_dumped":false,"by":null},)"
        R"("uid":1000,"gid":1000,"euid":1000,"egid":1000,"auid":1000,"ses":3,"tty":"pts0",)"
        R"("comm":"bash","exe":"/usr/bin/bash","argv":["-bash"],"cwd":"/","kernel_thread":false,"inferred":null,)"
        R"("images":[{"time":"2025-11-21T12:00:03.128456789Z","serial":531,"exe":"/usr/bin/bash","argv":["-bash"],)"
        R"("cwd":"/","comm":"bash","uid":1000,"euid":1000,"auid":1000,"witness":["audit"]}],"attempts":[]})");
}

TEST_CASE("attempts have their error by name, and what came before those kept is counted") {
    auto tried = shell();
    tried.process.ended->by = 2;
    tried.attempts = {{0, noon_ns, 540, "/usr/local/bin/\xff", 2, "/home"}, {1, noon_ns, 541, "", 4000, ""}};
    auto json = nlohmann::json::parse(render::process_json(tried));
    CHECK(json["ended"]["by"] == 2);
    CHECK(
        json["attempts"].dump(-1, ' ', true) ==
        R"([{"cwd":"/home","error":"ENOENT","path":"/usr/local/bin/\ufffd","serial":540,"time":"2025-11-21T12:00:00.123456789Z"},)"
        R"({"cwd":null,"error":"error 4000","path":null,"serial":541,"time":"2025-11-21T12:00:00.123456789Z"}])");
    CHECK_FALSE(json.contains("attempts_forgotten"));
    tried.attempts.erase(tried.attempts.begin());
    json = nlohmann::json::parse(render::process_json(tried));
    CHECK(json["attempts_forgotten"] == 1);
}

TEST_CASE("what is not known is null") {
    const auto json = nlohmann::json::parse(render::process_json(root()));
    for (const char* name : {"parent", "ended", "auid", "ses", "tty", "exe", "cwd", "inferred", "ns_pid"}) {
        CAPTURE(name);
        CHECK(json.at(name).is_null());
    }
    CHECK(json["born"]["serial"].is_null());
    CHECK(json["argv"] == nlohmann::json::array());
    CHECK(json["uid"] == 0);
    CHECK(json["kernel_thread"] == true);
    auto timeless = root();
    timeless.process.born.time_ns = 0;
    CHECK(nlohmann::json::parse(render::process_json(timeless))["born"]["time"].is_null());
}

TEST_CASE("an inferred link says why") {
    auto orphan = shell();
    orphan.process.inferred = model::Inferred::parent_unknown;
    CHECK(nlohmann::json::parse(render::process_json(orphan))["inferred"] ==
          model::text_of(model::Inferred::parent_unknown));
}

TEST_CASE("argv that is UTF-8 reads back exactly, and has no twin") {
    auto hostile = shell();
    hostile.current.argv = {"quote\" back\\slash", "line\nfeed\ttab\0nul\033esc\x7f"s, "gr\u00fc\u00df", "\u202e\u009b",
                            ""};
    const auto text = render::process_json(hostile);
    const auto json = nlohmann::json::parse(text);
    CHECK(json["argv"] == hostile.current.argv);
    CHECK_FALSE(json.contains("argv_base64"));
    CHECK(text.find('\x7f') == std::string::npos);
    CHECK(text.find("\u009b") == std::string::npos);
}

TEST_CASE("argv that is not UTF-8 gets U+FFFD and a twin, in the process and in its images") {
    auto hostile = shell();
    hostile.current.argv = {"ok", "\xff", every_byte()};
    hostile.images[0].argv = hostile.current.argv;
    hostile.current.exe = "/tmp/\xfe";
    const auto json = nlohmann::json::parse(render::process_json(hostile));
    CHECK(json["argv"][1] == "\xef\xbf\xbd");
    CHECK(json["argv_base64"][0] == "b2s=");
    CHECK(json["argv_base64"][1] == "/w==");
    CHECK(json["images"][0]["argv_base64"] == json["argv_base64"]);
    CHECK(json["exe"] == "/tmp/\xef\xbf\xbd");
}

TEST_CASE("boot, gap and path") {
    CHECK(
        render::boot_json({1, "b00t", "host", noon_ns, true}) ==
        R"({"kind":"boot","id":1,"boot":"b00t","host":"host","started":"2025-11-21T12:00:00.123456789Z","imported":true})");
    const model::Gap gap{7, 1, noon_ns, noon_ns + 1, 12, model::Witness::audit, "backlog"};
    CHECK(render::gap_json(gap, "b00t") ==
          R"({"kind":"gap","id":7,"boot":"b00t","from":"2025-11-21T12:00:00.123456789Z",)"
          R"("to":"2025-11-21T12:00:00.123456790Z","lost":12,"witness":"audit","why":"backlog"})");
    const auto path = nlohmann::json::parse(render::path_json({shell(), {sshd(), root()}, {gap}, {}}));
    CHECK(path["process"]["pid"] == 4242);
    CHECK(path["ancestors"][0]["pid"] == 812);
    CHECK(path["ancestors"][1]["pid"] == 0);
    CHECK(path["gaps"][0]["lost"] == 12);
}

TEST_CASE("status groups the facts and says whether the recorder runs") {
    render::Status status;
    status.facts = {{"recorder.pid", "42"}, {"recorder.source", "netlink"}, {"rules.count", "16"}, {"rulesets", "no"}};
    status.database = {{"path", "/x"}, {"bytes", "4096"}};
    status.recorder_alive = true;
    CHECK(render::status_json(status) ==
          R"({"recorder":{"running":true,"pid":42,"source":"netlink"},"rules":{"count":16},"witnesses":{},)"
          R"("gaps":[],"tampering":[],"database":{"bytes":4096,"path":"/x"}})");
}

TEST_CASE("a million processes take seconds") {
    const auto one = shell();
    const auto begin = std::clock();
    constexpr int count = 20'000;
    std::size_t bytes = 0;
    for (int i = 0; i < count; ++i) bytes += render::process_json(one).size();
    const auto cpu_s = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    MESSAGE("processes per CPU second: " << count / cpu_s << ", bytes each: " << bytes / count);
#if defined(NDEBUG) && !defined(__SANITIZE_ADDRESS__)
    CHECK(cpu_s < count / 100'000.0);  // half the target of 200,000 a second; measured 700,000
#endif
}
