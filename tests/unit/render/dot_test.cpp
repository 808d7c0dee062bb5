// Goal: DOT that dot(1) accepts and draws as meant, whatever argv holds.
// Method: exact lines for a small forest, then dot itself over every byte value in every place, its SVG searched.
#include <doctest/doctest.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "sample.hpp"

using namespace lineage;
using namespace lineage::test;
using namespace std::string_literals;

namespace {

std::string dot_of(const std::vector<model::Node>& nodes) {
    std::string out;
    render::dot(forest(nodes), utc_style(), out);
    return out;
}

bool has_text(const std::string& where, std::string_view what) {
    return where.find(what) != std::string::npos;
}

bool has_graphviz() {
    return std::system("command -v dot >/dev/null") == 0;
}

/// What dot makes of it; empty where it complains.
std::string svg_of(const std::string& dot) {
    char name[] = "/tmp/lineage-dot-XXXXXX";
    const int fd = mkstemp(name);
    REQUIRE(fd >= 0);
    REQUIRE(write(fd, dot.data(), dot.size()) == static_cast<ssize_t>(dot.size()));
    close(fd);
    const auto path = std::string(name);
    const int status = std::system(("dot -Tsvg " + path + " > " + path + ".svg 2> " + path + ".err").c_str());
    const auto text_of_file = [](const std::string& from) {
        std::ostringstream text;
        text << std::ifstream(from).rdbuf();
        return text.str();
    };
    const auto svg = text_of_file(path + ".svg");
    const auto complaint = text_of_file(path + ".err");
    for (const char* suffix : {"", ".svg", ".err"}) unlink((path + suffix).c_str());
    CHECK(complaint == "");
    return status == 0 ? svg : "";
}

}  // namespace

TEST_CASE("nodes are labelled and styled by what became of them") {
    auto orphan = node(4, 5000, 2, "worker");
    orphan.process.credentials = user(1000);
    orphan.process.inferred = model::Inferred::parent_from_ppid;
    const auto dot = dot_of({root(), sshd(), shell(), orphan});
    CHECK(has_text(dot, "p1 [label=\"0 swapper/0\\l"));
    CHECK(has_text(dot, "shape=hexagon"));
    CHECK(has_text(dot,
                   "p3 [label=\"4242 bash\\l/usr/bin/bash as -bash\\luid alice (1000), auid alice (1000)\\l"
                   "born 2025-11-21 12:00:03.123Z\\lended 2025-11-21 12:00:05.623Z, SIGKILL (9)\\l\""));
    CHECK(has_text(dot, "style=\"filled,dashed\""));
    CHECK(has_text(dot, "p1 -> p2;\n"));
    CHECK(has_text(dot, "p2 -> p4 [style=dashed];\n"));
}

TEST_CASE("argv is cut to a sane length") {
    auto wordy = shell();
    wordy.current.argv = {"bash", std::string(2'000'000, 'x')};
    CHECK(dot_of({wordy}).size() < 2'000);
}

TEST_CASE("quotes, backslashes, entities and tags are text") {
    if (!has_graphviz()) return;
    auto hostile = shell();
    hostile.current.argv = {"sh", "\"q\"", "b\\N\\", "&lt;", "<html>", "\\"};
    const auto svg = svg_of(dot_of({hostile}));
    CHECK(has_text(svg, "&quot;q&quot;"));
    CHECK(has_text(svg, "b\\N\\"));
    CHECK(has_text(svg, "&amp;lt;"));
    CHECK(has_text(svg, "&lt;html&gt;"));
}

TEST_CASE("dot passes with every byte value, alone and together, in every place") {
    if (!has_graphviz()) return;
    std::vector<model::Node> nodes;
    for (int byte = 0; byte < 256; ++byte) {
        auto one = node(byte + 1, byte, 0, std::string(1, static_cast<char>(byte)));
        one.current.exe = "/x" + std::string(1, static_cast<char>(byte));
        one.current.argv = {std::string(2, static_cast<char>(byte)), "\\" + std::string(1, static_cast<char>(byte))};
        nodes.push_back(one);
    }
    auto all = node(300, 300, 0, every_byte());
    all.current.argv = {"\ufffe\uffff", every_byte()};
    nodes.push_back(all);
    const auto svg = svg_of(dot_of(nodes));
    CHECK(render::is_utf8(svg));
    CHECK(has_text(svg, "</svg>"));
    std::size_t drawn = 0;
    for (auto at = svg.find("class=\"node\""); at != std::string::npos; at = svg.find("class=\"node\"", at + 1))
        ++drawn;
    CHECK(drawn == nodes.size());
}
