// Goal: failed execs are kept, except those that were a search, and stay with whom they belong to.
// Method: a few observations by hand.
#include <cerrno>

#include "world.hpp"

using namespace lineage;
using namespace lineage::tree::test;

TEST_CASE("a failed exec is an attempt, no image") {
    World w;
    w.fork(1, 1, 50, 1, 100);
    w.fail(2, 2, 100, "/bin/none", ENOENT);
    w.fail(3, 3, 100, "/etc/passwd", EACCES);
    const auto process = w.one(100);
    CHECK(w.rows.attempts_kept[process.id] ==
          std::vector<model::Attempt>{{0, start + 2 * ms, 2, "/bin/none", ENOENT, "/home"},
                                      {1, start + 3 * ms, 3, "/etc/passwd", EACCES, "/home"}});
    CHECK(process.image_owner != process.id);
}

TEST_CASE("a search that found what it looked for leaves no attempts") {
    World w;
    w.fork(1, 1, 50, 1, 100);
    w.fail(2, 2, 100, "/opt/other", ENOENT);
    w.fail(2, 3, 100, "/usr/local/bin/tool", ENOENT);
    w.fail(2, 4, 100, "/etc/passwd/tool", ENOTDIR);
    CHECK(w.tried(w.one(100)) == "/opt/other /usr/local/bin/tool /etc/passwd/tool ");
    w.save_and_restore();
    w.exec_of(2, 5, 100, "/usr/bin/tool");
    CHECK(w.tried(w.one(100)) == "/opt/other ");
    w.fail(3, 6, 100, "/usr/bin/tool", ENOENT);
    CHECK(w.tried(w.one(100)) == "/opt/other /usr/bin/tool ");
}

TEST_CASE("what only resembles a search is kept") {
    World w;
    w.fork(1, 1, 50, 1, 100);
    SUBCASE("there was a file") {
        w.fail(2, 2, 100, "/a/tool", ENOENT);
        w.fail(2, 3, 100, "/b/tool", EACCES);
        w.exec_of(2, 4, 100, "/c/tool");
        CHECK(w.tried(w.one(100)) == "/a/tool /b/tool ");
    }
    SUBCASE("the same path again") {
        w.fail(2, 2, 100, "/a/tool", ENOENT);
        w.exec_of(2, 4, 100, "/a/tool");
        CHECK(w.tried(w.one(100)) == "/a/tool ");
    }
    SUBCASE("another program came between") {
        w.fail(2, 2, 100, "/a/tool", ENOENT);
        w.exec_of(2, 3, 100, "/a/other");
        w.exec_of(2, 4, 100, "/b/tool");
        CHECK(w.tried(w.one(100)) == "/a/tool ");
    }
    SUBCASE("another process's") {
        w.fork(1, 2, 50, 1, 101);
        w.fail(2, 3, 100, "/a/tool", ENOENT);
        w.exec_of(2, 4, 101, "/b/tool");
        CHECK(w.tried(w.one(100)) == "/a/tool ");
    }
}

TEST_CASE("of many attempts the newest are kept with their numbers") {
    World w;
    w.fork(1, 1, 50, 1, 100);
    const auto many = static_cast<int>(model::attempts_max) + 6;
    for (int i = 0; i < many; ++i) w.fail(2, 2 + i, 100, "/p" + std::to_string(i), ENOENT);
    const auto process = w.one(100);
    const auto& kept = w.rows.attempts_kept[process.id];
    REQUIRE(kept.size() == model::attempts_max);
    CHECK(kept.front().path == "/p6");
    CHECK(kept.front().seq == 6);
    CHECK(kept.back().seq == many - 1);
}

TEST_CASE("what was tried since a birth that shows up late moves to the new life") {
    World w;
    w.fork(1, 1, 50, 1, 100);
    w.fail(2, 2, 100, "/first", ENOENT);  // killed at 3, which leaves no record
    w.fail(20, 3, 100, "/second", ENOENT);
    w.fork(19, 4, 60, 1, 100);
    const auto lives = w.lives(100);
    REQUIRE(lives.size() == 2);
    CHECK(w.tried(lives[0]) == "/first ");
    CHECK(w.tried(lives[1]) == "/second ");
    CHECK(w.rows.attempts_kept[lives[1].id].front().seq == 0);
}
