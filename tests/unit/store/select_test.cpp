// Goal: the right processes are found, by every road, in order, and quickly among many.
// Method: a small history in which every condition separates some from others; long chains and wide families; the plan
// of every statement that is issued, as SQLite explains it.
#include <ctime>
#include <limits>

#include "support.hpp"

using namespace lineage;
using namespace lineage::store;
using namespace lineage::store::test;
using Ids = std::vector<model::Id>;

namespace {

constexpr model::TimeNs at(double seconds) {
    return start_ns + static_cast<model::TimeNs>(seconds * 1e9);
}

// 1 is the root; 2 a shell below it; 3 inherits 2's image and was killed; 4 execs twice and has ended; 5 is a child
// of 4. 6 is another boot's root, later, with the pid of 4.
struct Fixture {
    TemporaryDirectory directory;
    std::unique_ptr<Writer> writer = must(open_writer(directory.file()));
    std::unique_ptr<Reader> reader = must(open_reader(directory.file()));

    Fixture() {
        in_transaction(*writer, [&] {
            writer->put(model::Boot{1, "one", "", start_ns, false});
            writer->put(model::Boot{2, "two", "", start_ns, false});
            writer->put(process(1, 0));
            writer->put(process(2, 1));
            auto shell = image(0, "/bin/bash", {"bash", "-l"});
            shell.comm = "bash";
            shell.credentials.uid = 7;
            shell.time_ns = at(2.5);
            shell.serial = 25;
            writer->put(2, shell);
            auto killed = process(3, 2);
            killed.image_owner = 2;
            killed.ended = model::End{at(50), 35, std::nullopt, 9, false, 2};
            writer->put(killed);
            auto twice = process(4, 1);
            twice.image_seq = 1;
            twice.ended = model::End{at(4.5), 44, 0, std::nullopt, false, 2};
            twice.credentials.auid = 500;
            writer->put(twice);
            writer->put(4, image(0, "/usr/bin/env", {"env", "x=[y]"}));
            auto script = image(1, "/usr/bin/perl", {"perl", "/opt/run.pl", std::string("nul\0byte", 8)});
            script.script = "/opt/run.pl";
            writer->put(4, script);
            writer->put(process(5, 4));
            auto other = process(6, 0);
            other.boot = 2;
            other.pid = 1004;
            writer->put(other);
        });
    }
    Ids found(const std::function<void(model::Filter&)>& set) {
        model::Filter filter;
        set(filter);
        return ids(*reader, filter);
    }
    model::Id pid_at(model::Pid pid, model::TimeNs time_ns, model::BootId boot = 0) {
        const auto node = must(reader->by_pid(pid, time_ns, boot));
        return node ? node->process.id : 0;
    }
    model::Id event(model::TimeNs time_ns, std::int64_t serial) {
        const auto nodes = must(reader->by_event(time_ns, serial));
        return nodes.empty() ? 0 : nodes.front().process.id;
    }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a pid is its latest life that had begun") {
    CHECK(pid_at(1004, at(100)) == 6);
    CHECK(pid_at(1004, at(100), 1) == 4);
    CHECK(pid_at(1004, at(5)) == 4);
    CHECK(pid_at(1004, at(4)) == 4);
    CHECK(pid_at(1004, at(3.9)) == 0);
    CHECK(pid_at(99, at(100)) == 0);
}

TEST_CASE_FIXTURE(Fixture, "an ancestor counts with what it ran before the path to the process left it") {
    const auto below = [&](const char* glob) { return found([&](auto& f) { f.ancestor_glob = glob; }); };
    CHECK(below("*/bash") == Ids{3});    // not the shell itself
    CHECK(below("*/run.pl") == Ids{5});  // by the script's name
    CHECK(below("*/nobody") == Ids{});
    in_transaction(*writer, [&] {
        auto late = image(1, "/bin/late", {"late"});
        late.time_ns = at(100);
        late.serial = 1000;
        writer->put(2, late);
    });
    CHECK(below("*/late") == Ids{});
    CHECK(found([](auto& f) {
              f.ancestor_glob = "*/bash";
              f.signal = 9;
          }) == Ids{3});
    CHECK(found([](auto& f) {
              f.ancestor_glob = "*/bash";
              f.signal = 11;
          }) == Ids{});
}

TEST_CASE_FIXTURE(Fixture, "several boots can be meant") {
    CHECK(found([](auto& f) { f.boots = {1, 2}; }) == found([](auto&) {}));
    CHECK(found([](auto& f) { f.boots = {7}; }) == Ids{});
}

TEST_CASE_FIXTURE(Fixture, "a boot extends from the first birth seen to the last thing seen") {
    in_transaction(*writer, [&] {
        writer->put(model::Boot{3, "three", "host", start_ns - second_ns, true});  // began before, holds nothing
        auto inferred = process(9, 1);
        inferred.born = {at(-3), 0, model::How::snapshot, only(model::Witness::procfs)};
        writer->put(inferred);
        auto root = process(6, 0);  // nobody saw it end: the next boot was noticed a long time after
        root.boot = 2;
        root.pid = 0;
        root.ended = model::End{at(9000), 0, std::nullopt, std::nullopt, false, 0};
        writer->put(root);
    });
    const auto extents = must(reader->boot_extents());
    REQUIRE(extents.size() == 3);
    CHECK(extents[0] ==
          model::BootExtent{
              {3, "three", "host", start_ns - second_ns, true}, 0, std::nullopt, start_ns - second_ns, false});
    CHECK(extents[1] == model::BootExtent{{1, "one", "", start_ns, false}, 6, at(1), at(50), false});
    CHECK(extents[2] == model::BootExtent{{2, "two", "", start_ns, false}, 1, at(6), at(6), true});
}

TEST_CASE_FIXTURE(Fixture, "an event is a birth, an image or an end, within a second of its stamp") {
    CHECK(event(at(3), 30) == 3);
    CHECK(event(at(3.99), 30) == 3);
    CHECK(event(at(4.01), 30) == 0);
    CHECK(event(at(2.5), 25) == 2);
    CHECK(event(at(4.5), 44) == 4);
    CHECK(event(at(50), 35) == 3);
    CHECK(event(at(3), 31) == 0);
    CHECK(event(at(0), 0) == 0);
}

TEST_CASE_FIXTURE(Fixture,
                  "hosts count alike: the event that is stamped nearest is meant, or that of the boot that is") {
    in_transaction(*writer, [&] {
        auto alike = process(7, 6);
        alike.boot = 2;
        alike.born = {at(3.4), 30, model::How::fork, 2};  // as 3 in the other boot, at 3
        alike.ended = model::End{at(50.2), 35, 0, std::nullopt, false, 2};
        alike.image_seq = 0;
        writer->put(alike);
        auto exec = image(0, "/bin/sh");
        exec.time_ns = at(2.8);
        exec.serial = 25;
        writer->put(7, exec);
        writer->put(1, 5, {at(7), 99, "USER_AUTH", "", "of 5"});
        writer->put(2, 7, {at(7.2), 99, "USER_AUTH", "", "of 7"});
    });
    CHECK(event(at(3), 30) == 3);
    CHECK(event(at(3.4), 30) == 7);
    CHECK(event(at(3.15), 30) == 3);
    CHECK(event(at(3.25), 30) == 7);
    CHECK(event(at(50.2), 35) == 7);
    CHECK(event(at(2.5), 25) == 2);
    CHECK(event(at(2.8), 25) == 7);
    CHECK(event(at(7), 99) == 5);
    CHECK(event(at(7.2), 99) == 7);
    CHECK(must(reader->kept_at(at(7), 99)).size() == 2);
    const auto in_boot = [&](model::BootId boot) { return must(reader->by_event(at(3), 30, {boot})).at(0).process.id; };
    CHECK(in_boot(1) == 3);
    CHECK(in_boot(2) == 7);
    CHECK(must(reader->by_event(at(3), 30, {3})).empty());
    // Just between them both are meant.
    CHECK(must(reader->by_event(at(3.2), 30)).size() == 2);
}

TEST_CASE_FIXTURE(Fixture, "an event of a life of any length is found") {
    model::Id id = 100;
    in_transaction(*writer, [&] {
        for (const double lived_s : {-5.0, 0.0, 1.999, 2.0, 31.0, 33.0, 511.0, 8191.0, 131071.0, 140000.0, 1e7}) {
            auto one = process(id += 1024, 1);  // each in a block of its own
            one.born = {start_ns, 0, model::How::fork, 1};
            one.ended = model::End{at(lived_s), id * 10, 0, std::nullopt, false, 1};
            writer->put(one);
            auto late = image(0, "/bin/late");
            late.time_ns = at(lived_s);
            late.serial = id * 10 + 1;
            writer->put(id, late);
            writer->put(id, std::vector{model::Attempt{0, at(lived_s), id * 10 + 2, "/bin/none", 2, "/"}});
        }
    });
    id = 100;
    for (const double lived_s : {-5.0, 0.0, 1.999, 2.0, 31.0, 33.0, 511.0, 8191.0, 131071.0, 140000.0, 1e7}) {
        id += 1024;
        if (lived_s < 0) continue;  // an end before the birth is only found near the birth
        CAPTURE(lived_s);
        CHECK(event(at(lived_s + 0.9), id * 10) == id);
        CHECK(event(at(lived_s - 0.9), id * 10 + 1) == id);
        CHECK(event(at(lived_s - 0.9), id * 10 + 2) == id);
    }
}

TEST_CASE_FIXTURE(Fixture, "ancestors lead to the root, parent first") {
    Ids path;
    for (const auto& node : must(reader->ancestors(5))) path.push_back(node.process.id);
    CHECK(path == Ids{4, 1});
    CHECK(must(reader->ancestors(1)).empty());
    CHECK(must(reader->ancestors(99)).empty());
    in_transaction(*writer, [&] { writer->put(process(1, 5)); });
    const auto circle = reader->ancestors(5);
    REQUIRE_FALSE(circle);
    CHECK(circle.error().cause.find("its own ancestor") != std::string::npos);
    CHECK(found([](auto& f) { f.under = 4; }) == Ids{1, 2, 3, 4, 5});
}

TEST_CASE_FIXTURE(Fixture, "every condition of a filter selects") {
    CHECK(found([](auto&) {}) == Ids{1, 2, 3, 4, 5, 6});
    CHECK(found([](auto& f) { f.pid = 1004; }) == Ids{4, 6});
    CHECK(found([](auto& f) { f.boots = {2}; }) == Ids{6});
    CHECK(found([](auto& f) { f.exe_glob = "/bin/ba*"; }) == Ids{2, 3});
    CHECK(found([](auto& f) { f.exe_glob = "*/env"; }) == Ids{4});
    CHECK(found([](auto& f) { f.exe_glob = "/opt/run.pl"; }) == Ids{4});
    CHECK(found([](auto& f) { f.exe_glob = "bash"; }).empty());
    CHECK(found([](auto& f) { f.comm_glob = "bas?"; }) == Ids{2, 3});
    CHECK(found([](auto& f) { f.comm_glob = "comm[45]"; }) == Ids{4, 5});
    CHECK(found([](auto& f) { f.arg_text = "-l"; }) == Ids{2, 3});
    CHECK(found([](auto& f) { f.arg_text = "bas"; }) == Ids{2, 3});
    CHECK(found([](auto& f) { f.arg_text = "=[y"; }) == Ids{4});
    CHECK(found([](auto& f) { f.arg_text = std::string("l\0b", 3); }) == Ids{4});
    CHECK(found([](auto& f) { f.arg_text = "\x02-l"; }).empty());  // as it stands in the table
    CHECK(found([](auto& f) { f.uid = 7; }) == Ids{2});
    CHECK(found([](auto& f) { f.uid = 1000; }) == Ids{1, 2, 3, 4, 5, 6});
    CHECK(found([](auto& f) { f.auid = 500; }) == Ids{4});
    CHECK(found([](auto& f) { f.signal = 9; }) == Ids{3});
    CHECK(found([](auto& f) { f.signal = 0; }).empty());
    CHECK(found([](auto& f) { f.since_ns = at(10); }) == Ids{1, 2, 3, 5, 6});
    CHECK(found([](auto& f) {
              f.since_ns = at(50);
              f.until_ns = at(3);
          }) == Ids{1, 2, 3});
    CHECK(found([](auto& f) { f.until_ns = at(2.5); }) == Ids{1, 2});
    CHECK(found([](auto& f) { f.alive_at_ns = at(4.2); }) == Ids{1, 2, 3, 4});
    CHECK(found([](auto& f) { f.alive_at_ns = at(4.5); }) == Ids{1, 2, 3});
    CHECK(found([](auto& f) { f.alive_only = true; }) == Ids{1, 2, 5, 6});
    CHECK(found([](auto& f) { f.under = 1; }) == Ids{1, 2, 3, 4, 5});
    CHECK(found([](auto& f) {
              f.under = 1;
              f.depth = 1;
          }) == Ids{1, 2, 4});
    CHECK(found([](auto& f) {
              f.under = 1;
              f.depth = 0;
          }) == Ids{1});
    CHECK(found([](auto& f) {
              f.under = 4;
              f.alive_only = true;
          }) == Ids{5});
    CHECK(found([](auto& f) {
              f.limit = 2;
              f.alive_only = true;
          }) == Ids{1, 2});
    CHECK(found([](auto& f) {
              f.exe_glob = "*";
              f.auid = 500;
              f.pid = 1004;
              f.boots = {1};
          }) == Ids{4});
}

TEST_CASE_FIXTURE(Fixture, "a selection stops when told, and its taker may ask the same reader") {
    Ids seen;
    must(reader->select({}, [&](model::Node&& node) {
        seen.push_back(node.process.id);
        CHECK(test::node(reader->by_id(node.process.id)).process == node.process);
        CHECK(must(reader->ancestors(5)).size() == 2);
        CHECK(found([](auto& f) { f.pid = 1004; }) == Ids{4, 6});
        return seen.size() < 3;
    }));
    CHECK(seen == Ids{1, 2, 3});
}

TEST_CASE_FIXTURE(Fixture, "100,000 ancestors and 100,000 children take neither stack nor square time") {
    constexpr model::Id many = 100'000;
    in_transaction(*writer, [&] {
        for (model::Id id = 1000; id < 1000 + many; ++id) writer->put(process(id, id == 1000 ? 1 : id - 1));
        for (model::Id id = 200'000; id < 200'000 + many; ++id) writer->put(process(id, 5));
    });
    const auto before = std::clock();  // of CPU, for the machine may be busy
    CHECK(must(reader->ancestors(1000 + many - 1)).size() == many);
    CHECK(found([](auto& f) { f.under = 1000; }).size() == many);
    CHECK(found([](auto& f) {
              f.under = 5;
              f.depth = 1;
          }).size() == many + 1);
    // Together about 1 s; squares would be hours.
    CHECK((std::clock() - before) / CLOCKS_PER_SEC < 30);
}
