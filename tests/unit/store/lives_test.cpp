// Goal: the lives of a pid come newest first, from every boot, and none that began later; a reader notices that the
// database has changed.
#include <doctest/doctest.h>

#include "support.hpp"

using namespace lineage;
using namespace lineage::store;
using namespace lineage::store::test;

namespace {

void put_life(Writer& writer, model::Id id, model::Pid pid, std::int64_t second) {
    auto one = process(id, 0);
    one.pid = pid;
    one.born.time_ns = start_ns + second * second_ns;
    writer.put(one);
}

std::vector<model::Id> lives(Reader& reader, model::Pid pid, std::int64_t second, std::size_t wanted = 10) {
    std::vector<model::Id> ids;
    must(reader.lives(pid, start_ns + second * second_ns, [&](const model::Process& life) {
        ids.push_back(life.id);
        return ids.size() < wanted;
    }));
    return ids;
}

}  // namespace

TEST_CASE("the lives of a pid that is used again and again") {
    const TemporaryDirectory directory;
    const auto writer = must(open_writer(directory.file()));
    in_transaction(*writer, [&] {
        for (const auto& [id, second] : {std::pair(1, 10), std::pair(2, 30), std::pair(3, 20), std::pair(4, 30)})
            put_life(*writer, id, 50, second);
        put_life(*writer, 5, 51, 20);
    });
    const auto reader = must(open_reader(directory.file()));
    CHECK(lives(*reader, 50, 60) == std::vector<model::Id>{4, 2, 3, 1});
    CHECK(lives(*reader, 50, 29) == std::vector<model::Id>{3, 1});
    CHECK(lives(*reader, 50, 60, 2) == std::vector<model::Id>{4, 2});
    CHECK(lives(*reader, 50, 9).empty());
    CHECK(lives(*reader, 52, 60).empty());
}

TEST_CASE("the version is another one after every commit, and the same without") {
    const TemporaryDirectory directory;
    const auto writer = must(open_writer(directory.file()));
    in_transaction(*writer, [&] { put_life(*writer, 1, 50, 10); });
    const auto reader = must(open_reader(directory.file()));
    const auto before = must(reader->version());
    CHECK(must(reader->version()) == before);
    in_transaction(*writer, [&] { put_life(*writer, 2, 50, 20); });
    CHECK(must(reader->version()) != before);
}

TEST_CASE("how far a boot's count of events had come by a time") {
    const TemporaryDirectory directory;
    const auto writer = must(open_writer(directory.file()));
    in_transaction(*writer, [&] {
        for (const auto& [id, boot] : {std::pair(1, 1), std::pair(2, 1), std::pair(5000, 2)}) {
            auto one = process(id, 0);
            one.boot = boot;
            one.born.time_ns = start_ns + id % 1000 * second_ns;
            one.born.serial = 9000 + id % 1000;
            if (boot == 2) one.born.serial = 0;
            writer->put(one);
        }
        model::Image image;
        image.time_ns = start_ns + 50 * second_ns;
        image.serial = 7;
        writer->put(5000, image);
    });
    const auto reader = must(open_reader(directory.file()));
    const auto serial_by = [&](model::BootId boot, std::int64_t second) {
        return must(reader->serial_by(boot, start_ns + second * second_ns));
    };
    CHECK(serial_by(1, 0) == 0);
    CHECK(serial_by(1, 1) == 9001);
    CHECK(serial_by(1, 100) == 9002);
    CHECK(serial_by(2, 40) == 0);
    CHECK(serial_by(2, 50) == 7);
}

TEST_CASE("the boots of a host are in the order of their numbers, whatever its clock showed") {
    std::vector<model::Boot> boots = {
        {1, "", "web", 500, false}, {2, "", "web", 15, false}, {3, "", "mail", 400, false}, {4, "", "web", 600, false}};
    put_in_order(boots);
    std::vector<model::BootId> ids;
    for (const auto& boot : boots) ids.push_back(boot.id);
    CHECK(ids == std::vector<model::BootId>{3, 1, 2, 4});
}
