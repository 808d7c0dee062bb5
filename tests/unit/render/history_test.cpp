// Goal: the history string is the contract's, whatever a comm holds; a cut one keeps its ends and says what is missing.
#include <doctest/doctest.h>

#include "lineage/render/event.hpp"

using namespace lineage;

namespace {

constexpr model::TimeNs start_ns = 1'795'256'102'999'000'000;  // 2026-11-21T10:15:02.999Z

std::vector<model::HistoryEntry> chain(int length) {
    std::vector<model::HistoryEntry> entries;
    for (int i = 0; i < length; ++i) entries.push_back({i + 1, i, start_ns, "p" + std::to_string(i), ""});
    return entries;
}

}  // namespace

TEST_CASE("the contract's string") {
    CHECK(render::history_line({{1, 0, start_ns, "swapper/0", ""}, {2, 1, start_ns, "systemd", ""}}, 0) ==
          "history=\"name=swapper/0;pid=0;start=20261121101502=>name=systemd;pid=1;start=20261121101502\"");
    CHECK(render::history_line({}, 0) == "history=?");
    CHECK(render::history_line({{1, 7, start_ns, "a b;=>\"\\\n\xc3", ""}}, 0) ==
          "history=\"name=a\\040b\\073\\075\\076\\042\\134\\012\\303;pid=7;start=20261121101502\"");
}

TEST_CASE("a cut history keeps root and end, says how many are missing, and is no longer than asked") {
    const auto whole = render::history_line(chain(20), 0);
    CHECK(render::history_line(chain(20), whole.size()) == whole);
    const auto cut = render::history_line(chain(20), whole.size() - 1);
    CHECK(cut.size() < whole.size());
    const auto small = render::history_line(chain(20), 200);
    CHECK(small.size() <= 200);
    CHECK(small ==
          "history=\"name=p0;pid=0;start=20261121101502=>name=p1;pid=1;start=20261121101502=>...(16 omitted)...=>"
          "name=p18;pid=18;start=20261121101502=>name=p19;pid=19;start=20261121101502\"");
    CHECK(render::history_line(chain(20), 1) ==
          "history=\"name=p0;pid=0;start=20261121101502=>...(18 omitted)...=>name=p19;pid=19;start=20261121101502\"");
    CHECK(render::history_line(chain(2), 1) == render::history_line(chain(2), 0));
}
