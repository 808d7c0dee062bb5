// Goal: names lead to their processes, and answers of many are whole: paths with the gaps that touch them, forests with
// each vertex and edge once, however deep or wide.
// Method: a Reader over a small history in memory.
#include "lineage/query/query.hpp"

#include <doctest/doctest.h>

#include "fake_reader.hpp"

using namespace lineage;
using namespace lineage::query;
using test::FakeReader;
using Ids = std::vector<model::Id>;

namespace {

model::Gap gap(model::Id id, model::TimeNs from_ns, model::TimeNs to_ns, model::BootId boot = 1) {
    return {id, boot, from_ns, to_ns, std::nullopt, model::Witness::audit, ""};
}

Ids ids_of(const std::vector<model::Gap>& gaps) {
    Ids ids;
    for (const auto& each : gaps) ids.push_back(each.id);
    return ids;
}

// "parent>child" pairs of ids.
std::vector<std::pair<model::Id, model::Id>> edges_of(const model::Forest& forest) {
    std::vector<std::pair<model::Id, model::Id>> edges;
    for (auto [at, end] = boost::edges(forest); at != end; ++at) {
        edges.emplace_back(forest[boost::source(*at, forest)].process.id,
                           forest[boost::target(*at, forest)].process.id);
    }
    std::sort(edges.begin(), edges.end());
    return edges;
}

Ids vertices_of(const model::Forest& forest) {
    Ids ids;
    for (auto [at, end] = boost::vertices(forest); at != end; ++at) ids.push_back(forest[*at].process.id);
    return ids;
}

}  // namespace

TEST_CASE("a process is named by pid, id or event") {
    using Kind = ProcessName::Kind;
    const auto name = [](const char* text) { return parse_process(text).value(); };
    CHECK(name("4242").kind == Kind::pid);
    CHECK(name("4242").number == 4242);
    CHECK(name("0").number == 0);
    CHECK(name("@812").kind == Kind::id);
    CHECK(name("@812").number == 812);
    CHECK(name("1763720000.123:530").kind == Kind::event);
    CHECK(name("1763720000.123:530").number == 530);
    CHECK(name("1763720000.123:530").time_ns == 1'763'720'000'123'000'000);
    CHECK(name("2025-11-21T10:13:20.5Z:4294967295").time_ns == 1'763'720'000'500'000'000);
    CHECK(name("2025-11-21T10:13:20.5Z:4294967295").number == 4'294'967'295);
    for (const char* text : {"", "@", "@0", "@x", "-1", "+1", "1.5", "bash", "99999999999", "12:30", "10m:5", "now:5",
                             "1763720000.123:", "1763720000.123:0", ":5", "1763720000.123:5x", "4242 "}) {
        CAPTURE(text);
        REQUIRE_FALSE(parse_process(text));
        CHECK(parse_process(text).error().exit == base::ExitCode::usage);
    }
}

TEST_CASE("a user is a number or a name") {
    CHECK(parse_user("1000").value() == 1000);
    CHECK(parse_user("4294967295").value() == model::unset_uid);
    CHECK(parse_user("root").value() == 0);
    for (const char* text : {"", "4294967296", "-1", "no such user"}) {
        CAPTURE(text);
        REQUIRE_FALSE(parse_user(text));
        CHECK(parse_user(text).error().exit == base::ExitCode::usage);
    }
}

TEST_CASE("a name leads to its process, or matches nothing") {
    FakeReader reader;
    reader.add(1, 0);
    reader.add(30, 1);
    const auto found = [&](const char* text) {
        const auto node = resolve(reader, parse_process(text).value(), 77);
        return node ? node->process.id : -static_cast<model::Id>(node.error().exit);
    };
    CHECK(found("@30") == 30);
    CHECK(found("1030") == 30);
    CHECK(found("@31") == -1);
    CHECK(found("31") == -1);
    CHECK(found("1763720000.123:530") == -1);
    reader.of_event_502 = {30};
    CHECK(resolve(reader, {ProcessName::Kind::event, 502, 55}, 0).value().process.id == 30);
    CHECK(resolve(reader, {ProcessName::Kind::pid, 1030, 0}, 77, {9}).error().exit == base::ExitCode::nothing_matched);
}

TEST_CASE("a gap touches the lives that overlap it") {
    FakeReader reader;
    reader.add(10, 0);  // born at 100
    auto process = reader.processes[10];
    const std::vector<model::Gap> gaps{gap(1, 0, 99),    gap(2, 0, 100),   gap(3, 150, 160),
                                       gap(4, 200, 300), gap(5, 201, 300), gap(6, 100, 200, 2)};
    CHECK(ids_of(gaps_touching(gaps, process)) == Ids{2, 3, 4, 5});
    process.ended.emplace().time_ns = 200;
    CHECK(ids_of(gaps_touching(gaps, process)) == Ids{2, 3, 4});
}

TEST_CASE("a path has the ancestors and each touching gap once") {
    FakeReader reader;
    reader.add(1, 0);
    reader.add(2, 1);
    reader.add(3, 2);
    for (auto& [id, process] : reader.processes) process.ended.emplace().time_ns = process.born.time_ns + 5;
    reader.all_gaps = {gap(1, 0, 9), gap(2, 12, 22), gap(3, 16, 19), gap(4, 31, 31), gap(5, 31, 31, 2)};
    const auto path = path_of(reader, 3).value();
    CHECK(path.process.process.id == 3);
    REQUIRE(path.ancestors.size() == 2);
    CHECK(path.ancestors[0].process.id == 2);
    CHECK(ids_of(path.gaps) == Ids{2, 4});
    CHECK(path_of(reader, 9).error().exit == base::ExitCode::nothing_matched);
}

TEST_CASE("a path knows who sent the signals that ended its processes, as long as they are known") {
    FakeReader reader;
    for (const model::Id id : {1, 2, 3, 4}) reader.add(id, id == 4 ? 1 : id - 1);
    reader.processes[3].ended.emplace().by = 4;
    reader.processes[2].ended.emplace().by = 99;
    reader.processes[1].ended.emplace().by = 2;
    const auto path = path_of(reader, 3).value();
    REQUIRE(path.senders.size() == 2);
    CHECK(path.senders.at(4) == reader.processes[4]);
    CHECK(path.senders.at(2) == reader.processes[2]);
}

TEST_CASE("a forest has the selection and its edges, and the ancestors when asked") {
    FakeReader reader;
    reader.add(9, 0);
    reader.add(2, 9);
    reader.add(3, 2);
    reader.add(4, 3);
    reader.add(5, 3);
    reader.processes[5].pid = reader.processes[4].pid = 77;
    CHECK(vertices_of(forest_of(reader, {}, false).value()) == Ids{2, 3, 4, 5, 9});
    CHECK(edges_of(forest_of(reader, {}, false).value()) == decltype(edges_of({})){{2, 3}, {3, 4}, {3, 5}, {9, 2}});
    model::Filter filter;
    filter.pid = 77;
    const auto leaves = forest_of(reader, filter, false).value();
    CHECK(vertices_of(leaves) == Ids{4, 5});
    CHECK(edges_of(leaves).empty());
    const auto whole = forest_of(reader, filter, true).value();
    CHECK(vertices_of(whole) == Ids{2, 3, 4, 5, 9});
    CHECK(edges_of(whole).size() == 4);
    CHECK(reader.asked_by_id == 3);
    filter.pid = 78;
    CHECK(vertices_of(forest_of(reader, filter, true).value()).empty());
}

TEST_CASE("a forest of 100,000 in a chain and 100,000 side by side") {
    constexpr model::Id many = 100'000;
    FakeReader reader;
    reader.add(1, 0);
    for (model::Id id = 2; id <= many; ++id) reader.add(id, id - 1);
    for (model::Id id = many + 1; id <= 2 * many; ++id) reader.add(id, 1);
    const auto forest = forest_of(reader, {}, false).value();
    CHECK(boost::num_vertices(forest) == 2 * many);
    CHECK(boost::num_edges(forest) == 2 * many - 1);
    CHECK(boost::out_degree(0, forest) == many + 1);
    model::Filter deepest;
    deepest.pid = static_cast<model::Pid>(1000 + many);
    CHECK(boost::num_vertices(forest_of(reader, deepest, true).value()) == many);
}

TEST_CASE("tampering stands in every path that lived through it, with who did it; one that is not undone goes on") {
    FakeReader reader;
    reader.add(1, 0);
    reader.add(2, 1);
    reader.add(3, 2);
    model::Tamper during;
    during.boot = 1;
    during.from_ns = 25;
    during.to_ns = 26;
    during.by = 3;
    auto before = during;
    before.from_ns = before.to_ns = 5;
    auto elsewhere = during;
    elsewhere.boot = 2;
    auto for_ever = during;
    for_ever.from_ns = 6;
    for_ever.to_ns = 0;
    for_ever.by = 77;
    reader.all_tampering = {during, before, elsewhere, for_ever};
    const auto path = *query::path_of(reader, 2);
    CHECK(path.tampering == std::vector<model::Tamper>{during, for_ever});
    REQUIRE(path.culprits.size() == 1);
    CHECK(path.culprits.at(3) == reader.processes[3]);
}

TEST_CASE("an event that several hosts have alike names them, that of one host on several boots is one") {
    FakeReader reader;
    reader.add(30, 0, 1);
    reader.add(31, 0, 2);
    reader.of_event_502 = {30, 31};
    const auto resolved = [&](const std::vector<model::BootId>& boots) {
        return resolve(reader, {ProcessName::Kind::event, 502, 55}, 0, boots);
    };
    reader.all_boots = {{1, "one", "beta", 1, true}, {2, "two", "alpha", 1, true}};
    const auto refused = resolved({});
    REQUIRE(!refused.has_value());
    CHECK(refused.error().exit == base::ExitCode::usage);
    CHECK(refused.error().cause == "several hosts have it: alpha, beta; choose with --host");
    CHECK(resolved({2}).value().process.id == 31);
    reader.all_boots[1].host = "beta";
    CHECK(resolved({}).value().process.id == 30);
    CHECK(!resolved({3}).has_value());
}
