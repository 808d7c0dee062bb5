// Goal: what is put is what is read, field by field, whatever the bytes and the extremes; puts replace, drops remove.
// Method: each struct filled with unlike and extreme values, through a Writer into a Reader.
#include <limits>

#include "support.hpp"

using namespace lineage;
using namespace lineage::store;
using namespace lineage::store::test;
using Ids = std::vector<model::Id>;

namespace {

std::string every_byte() {
    std::string bytes;
    for (int byte = 0; byte < 256; ++byte) bytes.push_back(static_cast<char>(byte));
    return bytes;
}

model::Process full_process() {
    model::Process process;
    process.id = 77;
    process.boot = 3;
    process.pid = 4'194'303;
    process.ns_pid = 2;
    process.parent = 5;
    process.ppid = 1;
    process.born = {start_ns + 123'456'789, 4'000'000'000, model::How::kernel, 7};
    process.ended = model::End{start_ns + 999'999'999'999, 4'000'000'123, std::nullopt, 11, true, 5};
    process.credentials = {1, 2, 3, 4, 5, 6, "pts0"};
    process.comm = "co\nmm\xff";
    process.kernel_thread = true;
    process.inferred = model::Inferred::before_us;
    process.image_owner = 77;
    process.image_seq = 4;
    return process;
}

struct Fixture {
    TemporaryDirectory directory;
    std::unique_ptr<Writer> writer = must(open_writer(directory.file()));
    std::unique_ptr<Reader> reader = must(open_reader(directory.file()));

    model::Node put(const model::Process& process) {
        in_transaction(*writer, [&] { writer->put(process); });
        return node(reader->by_id(process.id));
    }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a process comes back as it was put") {
    const auto full = full_process();
    CHECK(put(full).process == full);

    SUBCASE("and again when it is put anew, other parent and birth included") {
        auto other = full;
        other.parent = 6;
        other.born.time_ns += 17;
        other.ended.reset();
        other.image_owner = 5;
        other.credentials = {};
        CHECK(put(other).process == other);
        CHECK(must(reader->by_pid(full.pid, full.born.time_ns)) == std::nullopt);
        CHECK(must(reader->sizes()).processes == 1);
    }
    SUBCASE("who sent the signal comes back, is replaced and forgotten") {
        auto killed = full;
        for (const model::Id by : {5, 6, 0, 77}) {
            killed.ended->by = by;
            CHECK(put(killed).process == killed);
        }
        in_transaction(*writer, [&] { writer->drop(killed.id); });
        killed.ended->by = 0;
        CHECK(put(killed).process == killed);
    }
    SUBCASE("with nothing known") {
        model::Process bare;
        bare.id = 78;
        CHECK(put(bare).process == bare);
    }
    SUBCASE("every way to end") {
        for (const auto& [code, signal] : std::vector<std::pair<std::optional<int>, std::optional<int>>>{
                 {0, {}}, {255, {}}, {{}, 9}, {{}, 64}, {{}, 0}, {{}, {}}}) {
            auto ended = full;
            ended.ended = model::End{start_ns + 1, 0, code, signal, false, 2};
            CHECK(put(ended).process == ended);
        }
    }
    SUBCASE("times and serials at their limits, as a forged log may have them") {
        constexpr auto least = std::numeric_limits<std::int64_t>::min();
        constexpr auto most = std::numeric_limits<std::int64_t>::max();
        auto forged = full;
        forged.born = {least, most, model::How::fork, 1};
        forged.ended = model::End{most, least, 0, std::nullopt, false, 1};
        CHECK(put(forged).process == forged);
        must(reader->by_event(most, least));
        must(reader->by_event(least, most));
    }
}

TEST_CASE_FIXTURE(Fixture, "images come back in order, and the one it runs is known") {
    model::Image full;
    full.seq = 0;
    full.time_ns = start_ns + 5;
    full.serial = 531;
    full.exe = "/usr/bin/" + every_byte();
    full.script = "/home/script.sh";
    full.comm = "script.sh";
    full.cwd = "/home";
    full.argv = {"", every_byte(), std::string(127, 'x'), std::string(128, 'y'), std::string(20'000, 'z'), ""};
    full.credentials = {0, 1, 2, 3, 4, 5, "tty1"};
    full.witnesses = 3;
    auto second = image(1, "/bin/sh", std::vector<std::string>(100'000, "a"));
    auto empty = image(2, "");
    auto parent = process(1, 0);
    auto child = process(2, 1);
    parent.image_seq = 1;
    child.image_owner = 1;
    in_transaction(*writer, [&] {
        writer->put(model::Boot{1, "boot-name", "host", start_ns, true});
        writer->put(parent);
        writer->put(child);
        for (const auto& each : {empty, second, full}) writer->put(1, each);
    });
    const auto first = node(reader->by_id(1));
    REQUIRE(first.images.size() == 3);
    CHECK(first.images[0] == full);
    CHECK(first.images[1] == second);
    CHECK(first.images[2] == empty);
    CHECK(first.current == second);
    CHECK(first.boot == "boot-name");
    CHECK(must(reader->boots()) == std::vector{model::Boot{1, "boot-name", "host", start_ns, true}});
    const auto heir = node(reader->by_id(2));
    CHECK(heir.images.empty());
    CHECK(heir.current == full);

    in_transaction(*writer, [&] {
        auto changed = second;
        changed.cwd = "/elsewhere";
        writer->put(1, changed);
        writer->drop_images(1, 2);
    });
    CHECK(node(reader->by_id(1)).images.size() == 2);
    CHECK(node(reader->by_id(1)).current.cwd == "/elsewhere");
    in_transaction(*writer, [&] { writer->drop(1); });
    CHECK(must(reader->by_id(1)) == std::nullopt);
    CHECK(must(reader->sizes()).images == 0);
    CHECK(node(reader->by_id(2)).current == model::Image{});
}

TEST_CASE_FIXTURE(Fixture, "attempts come back in order, and those put later replace them") {
    const model::Attempt first{3, start_ns, 17, "/usr/local/bin/" + every_byte(), 13, "/home"};
    const model::Attempt second{4, start_ns + 1, 18, "", 4095, ""};
    const model::Attempt third{5, start_ns + 2, 19, "x", 2, "/"};
    CHECK(put(process(1, 0)).attempts.empty());
    in_transaction(*writer, [&] { writer->put(1, std::vector{first, second}); });
    CHECK(node(reader->by_id(1)).attempts == std::vector{first, second});
    in_transaction(*writer, [&] { writer->put(1, std::vector{second, third}); });
    CHECK(node(reader->by_id(1)).attempts == std::vector{second, third});
    in_transaction(*writer, [&] {
        writer->drop(1);
        writer->put(process(1, 0));
    });
    CHECK(node(reader->by_id(1)).attempts.empty());
}

TEST_CASE_FIXTURE(Fixture, "gaps, tampering, facts and progress come back") {
    const model::Tamper tamper{4, 2, 11, "rules\xff", 9, true, 4242, 0, 10, 20, 3};
    const model::Tamper unknown{5, 3, 12, "", 0, false, 0, model::unset_uid, 12, 0, 0};
    const model::Gap gap{1, 2, 10, 20, 5, model::Witness::connector, "queue was full"};
    const model::Gap other{2, 3, 10, 20, std::nullopt, model::Witness::audit, ""};
    CHECK(must(writer->progress()).checkpoint.empty());
    CHECK(must(writer->last_ids()).process == 0);
    in_transaction(*writer, [&] {
        writer->put(gap);
        writer->put(other);
        writer->put(model::Tamper{4, 2, 0, "before", 0, false, 0, 0, 0, 0, 1});
        writer->put(tamper);
        writer->put(unknown);
        writer->put(process(9, 0));
        writer->set_fact("recorder.pid", "1");
        writer->set_fact("recorder.pid", "4242");
        writer->set_checkpoint(400, every_byte());
        writer->set_position(std::numeric_limits<std::uint64_t>::max());
    });
    CHECK(must(reader->gaps()) == std::vector{gap, other});
    CHECK(must(reader->gaps(3)) == std::vector{other});
    CHECK(must(reader->tampering()) == std::vector{tamper, unknown});
    CHECK(must(reader->tampering(3)) == std::vector{unknown});
    CHECK(must(reader->facts()) == std::map<std::string, std::string>{{"recorder.pid", "4242"}});
    const auto progress = must(writer->progress());
    CHECK(progress.position == std::numeric_limits<std::uint64_t>::max());
    CHECK(progress.checkpoint_position == 400);
    CHECK(progress.checkpoint == every_byte());
    const auto last = must(writer->last_ids());
    CHECK(last.process == 9);
    CHECK(last.gap == 2);
    CHECK(last.tamper == 5);
}

TEST_CASE_FIXTURE(Fixture, "a boot that is dropped takes all of its own along and nothing else") {
    const auto put_both = [&] {
        for (const model::Id boot : {1, 2}) {
            writer->put(model::Boot{boot, "boot" + std::to_string(boot), "", 0, true});
            auto one = process(boot * 10, 0);
            one.boot = boot;
            one.ended = model::End{start_ns, 0, std::nullopt, 9, false, 2, 3};
            writer->put(one);
            writer->put(one.id, std::vector{model::Attempt{0, start_ns, 1, "x", 2, "/"}});
            writer->put(one.id, image(0, "/bin/x", {"same"}));
            writer->put(one.id, image(1, "/bin/x", {"of boot", std::to_string(boot)}));
            writer->put(model::Gap{boot, boot, 0, 0, std::nullopt, model::Witness::audit, ""});
            writer->put(model::Tamper{boot, boot, 0, "", 0, false, 0, 0, 0, 0, 1});
        }
    };
    in_transaction(*writer, put_both);
    in_transaction(*writer, [&] { writer->drop_boot("boot1"); });
    CHECK(ids(*reader, {}) == Ids{20});
    CHECK(must(reader->sizes()).images == 2);
    CHECK(must(reader->gaps()).size() == 1);
    CHECK(must(reader->tampering()).size() == 1);
    CHECK(node(reader->by_id(20)).images[0].argv == std::vector<std::string>{"same"});
    CHECK(must(reader->sizes()).oldest_ns == start_ns + 20 * second_ns);
    auto dropped = process(10, 0);
    dropped.ended = model::End{start_ns, 0, std::nullopt, 9, false, 2};
    in_transaction(*writer, [&] { writer->put(dropped); });
    CHECK(node(reader->by_id(10)).process.ended->by == 0);
    CHECK(node(reader->by_id(10)).attempts.empty());
    CHECK(node(reader->by_id(20)).process.ended->by == 3);
    CHECK(node(reader->by_id(20)).attempts.size() == 1);
    in_transaction(*writer, [&] {
        writer->drop_boot("no such boot");
        put_both();
    });
    CHECK(node(reader->by_id(10)).images[1].argv == std::vector<std::string>{"of boot", "1"});
}

TEST_CASE_FIXTURE(Fixture, "what was interned before a rollback is not referred to after it") {
    auto one = process(1, 0);
    one.credentials.tty = "pts9";
    must(writer->begin());
    writer->put(one);
    writer->put(1, image(0, "/bin/new", {"new"}));
    writer->rollback();
    in_transaction(*writer, [&] {
        writer->put(process(2, 0));
        writer->put(2, image(0, "/bin/other", {"other"}));
    });
    in_transaction(*writer, [&] {
        writer->put(one);
        writer->put(1, image(0, "/bin/new", {"new"}));
    });
    const auto first = node(reader->by_id(1));
    CHECK(first.process == one);
    CHECK(first.current == image(0, "/bin/new", {"new"}));
    writer.reset();
    writer = must(open_writer(directory.file()));
    in_transaction(*writer, [&] { writer->put(3, image(0, "/bin/new", {"other"})); });
    CHECK(node(reader->by_id(2)).current == image(0, "/bin/other", {"other"}));
}
