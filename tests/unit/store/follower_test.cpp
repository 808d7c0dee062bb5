// Goal: a follower tells of each process once, when it comes to match, and of nothing that matched before it came.
// Method: a history that grows a transaction at a time.
#include "support.hpp"

using namespace lineage;
using namespace lineage::store;
using namespace lineage::store::test;
using Ids = std::vector<model::Id>;

namespace {

struct Fixture {
    TemporaryDirectory directory;
    std::unique_ptr<Writer> writer = must(open_writer(directory.file()));

    Fixture() {
        put([&] {
            writer->put(model::Boot{1, "one", "", start_ns, false});
            writer->put(process(1, 0));
            writer->put(process(2, 1));
            writer->put(2, image(0, "/bin/inetd", {"inetd"}));
            writer->put(killed(3, 2, 9));
        });
    }
    template <class Work>
    void put(const Work& work) {
        in_transaction(*writer, work);
    }
    static model::Process killed(model::Id id, model::Id parent, std::int32_t signal) {
        auto process = test::process(id, parent);
        process.ended = model::End{process.born.time_ns + second_ns, 0, std::nullopt, signal, false, 2};
        return process;
    }
    std::unique_ptr<Follower> follow(const std::function<void(model::Filter&)>& set) {
        model::Filter filter;
        set(filter);
        auto follower = must(open_follower(directory.file(), filter));
        CHECK(look(*follower).empty());
        return follower;
    }
    static Ids look(Follower& follower) {
        Ids ids;
        for (const auto& node : must(follower.look())) ids.push_back(node.process.id);
        return ids;
    }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a follower without filters tells of each birth") {
    const auto follower = follow([](auto&) {});
    put([&] {
        writer->put(process(4, 2));
        writer->put(killed(5, 2, 11));
    });
    CHECK(look(*follower) == Ids{4, 5});
    put([&] { writer->put(killed(4, 2, 11)); });
    CHECK(look(*follower).empty());
}

TEST_CASE_FIXTURE(Fixture, "a match may come with the end, or after it") {
    const auto follower = follow([](auto& f) {
        f.signal = 11;
        f.ancestor_glob = "*/inetd";
    });
    put([&] {
        writer->put(process(4, 2));
        writer->put(process(5, 2));
        writer->put(process(6, 1));
    });
    CHECK(look(*follower).empty());
    put([&] {
        writer->put(killed(4, 2, 11));
        writer->put(killed(5, 2, 9));
        writer->put(killed(6, 1, 11));
    });
    CHECK(look(*follower) == Ids{4});
    put([&] { writer->put(killed(5, 2, 11)); });  // another witness knew better
    CHECK(look(*follower) == Ids{5});
    CHECK(look(*follower).empty());
}

TEST_CASE_FIXTURE(Fixture, "an image that a process gets later counts, by names that are new") {
    const auto follower = follow([](auto& f) { f.exe_glob = "*/new"; });
    put([&] { writer->put(process(4, 2)); });
    CHECK(look(*follower).empty());
    put([&] { writer->put(4, image(0, "/bin/new", {"new"})); });
    CHECK(look(*follower) == Ids{4});
}

TEST_CASE_FIXTURE(Fixture, "descent from one process counts") {
    const auto follower = follow([](auto& f) { f.under = 2; });
    put([&] {
        writer->put(process(4, 1));
        writer->put(process(5, 2));
        writer->put(process(6, 5));
    });
    CHECK(look(*follower) == Ids{5, 6});
}

TEST_CASE_FIXTURE(Fixture, "a follower keeps no snapshot, and notices a file that is replaced") {
    const auto follower = follow([](auto&) {});
    put([&] { writer->put(process(4, 2)); });
    CHECK(look(*follower) == Ids{4});
    CHECK_FALSE(follower->replaced());
    writer.reset();
    CHECK(std::filesystem::file_size(directory.file("lineage.db-wal")) == 0);
    std::filesystem::rename(directory.file(), directory.file("elsewhere"));
    CHECK(follower->replaced());
}
