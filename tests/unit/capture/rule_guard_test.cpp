// Goal: what is found is undone at once and told at once, what keeps coming back is undone at a bounded rate and told
// seldom, with a count. Method: pictures and the time by hand, a mender that counts.
#include "lineage/capture/rule_guard.hpp"

#include <doctest/doctest.h>

using namespace lineage;
using capture::Episodes;

namespace {

constexpr model::TimeNs ms = 1'000'000;
constexpr model::TimeNs boot = 1'000'000'000 * ms;  // real minus monotonic

struct FakeMender final : capture::Mender {
    capture::Mended mend(const std::vector<audit::Finding>& findings, const std::vector<std::string>&) override {
        ++calls;
        capture::Mended mended;
        last.clear();
        for (const auto& one : findings) last.insert(one.kind);
        for (const auto& one : findings)
            if (refuses.count(one.kind) != 0) mended[one.kind] = base::fail("add an audit rule", "not permitted");
        return mended;
    }
    int calls = 0;
    std::set<model::Weakness> refuses;
    std::set<model::Weakness> last;  ///< what it was called for
};

struct World {
    FakeMender mender;
    Episodes episodes{{.pause_max_ms = 250, .calm_ms = 2000, .word_ms = 1000, .alarm_interval_s = 10}, 5, boot};
    audit::Wanted wanted{true, 0, 0, 0};
    model::TimeNs now_ms = 10'000;
    std::uint32_t lost = 5;
    std::vector<model::Tampered> told;
    std::vector<std::string> alarms;

    capture::AuditWatch::Answer look(std::size_t rules_missing, std::uint32_t enabled = 1) {
        audit::Picture picture;
        picture.state.enabled = enabled;
        picture.state.lost = lost;
        picture.rules = audit::lineage_rules();
        picture.rules.resize(picture.rules.size() - rules_missing);
        auto answer = episodes.see(picture, wanted, boot + now_ms * ms, {boot + now_ms * ms, now_ms * ms}, mender);
        told.insert(told.end(), answer.tampering.begin(), answer.tampering.end());
        alarms.insert(alarms.end(), answer.alarms.begin(), answer.alarms.end());
        return answer;
    }
};

}  // namespace

TEST_CASE("one removal is undone, told and alarmed about at once, with the interval since all was last well") {
    World world;
    CHECK(world.look(0).again_ms == -1);
    world.now_ms += 400;
    const auto answer = world.look(3);
    CHECK(world.mender.calls == 1);
    CHECK(answer.again_ms >= 0);
    CHECK(answer.reconcile);
    REQUIRE(world.told.size() == 1);
    CHECK(world.told[0].kind == model::Weakness::rules_removed);
    CHECK(world.told[0].from_ns == boot + 10'000 * ms);
    CHECK(world.told[0].to_ns == 0);
    CHECK(world.told[0].times == 1);
    CHECK(world.alarms.empty());
    // Whether it is undone the next picture says.
    world.now_ms += 20;
    world.look(0);
    REQUIRE(world.told.size() == 2);
    CHECK(world.told[1].found_ns == world.told[0].found_ns);
    CHECK(world.told[1].to_ns == boot + 10'420 * ms);
    REQUIRE(world.alarms.size() == 1);
    CHECK(world.alarms[0].find("; undone, the recording was impaired for at most 420 ms") != std::string::npos);
    world.now_ms += 2000;
    world.look(0);
    CHECK(world.told.size() == 2);
}

TEST_CASE("what comes back after a calm is told as another one, but alarmed about no sooner") {
    World world;
    world.look(0);
    for (const auto pause_ms : {400, 3000, 500}) {
        world.now_ms += pause_ms;
        world.look(1);
        world.now_ms += 20;
        world.look(0);
        world.now_ms += 1200;  // its last word
        world.look(0);
    }
    std::set<model::TimeNs> episodes;
    for (const auto& one : world.told) episodes.insert(one.found_ns);
    CHECK(episodes.size() == 2);
    CHECK(world.told.front().from_ns == boot + 10'000 * ms);
    CHECK(world.told.back().from_ns == boot + 11'620 * ms);
    CHECK(world.told.back().times == 2);
    CHECK(world.told.back().to_ns != 0);
    CHECK(world.alarms.size() == 1);
}

TEST_CASE("what the kernel took and is there all the same is not said to be undone") {
    World world;
    for (int i = 0; i < 10; ++i) world.look(1), world.now_ms += 300;
    for (const auto& one : world.told) CHECK(one.to_ns == 0);
    CHECK(world.told.back().times > 1);
    REQUIRE(world.alarms.size() == 1);
    CHECK(world.alarms[0].find("cannot be undone") != std::string::npos);
}

TEST_CASE("the first alarm does not wait, however young the boot is") {
    World world;
    world.now_ms = 100;
    world.look(1);
    world.now_ms += 20;
    world.look(0);
    CHECK(world.alarms.size() == 1);
}

TEST_CASE("a loader that keeps removing is answered at most four times a second, in one episode with a count") {
    World world;
    const int looks = 2000;
    for (int i = 0; i < looks; ++i) {
        world.look(1 + static_cast<std::size_t>(i % 3));
        world.now_ms += 10;
    }
    const int seconds = looks / 100;
    CHECK(world.mender.calls <= 4 * seconds + 8);
    CHECK(world.mender.calls >= 3 * seconds);
    CHECK(world.told.size() <= static_cast<std::size_t>(seconds) + 1);
    CHECK(world.alarms.size() <= static_cast<std::size_t>(seconds) / 10 + 1);
    CHECK(world.told.back().found_ns == world.told.front().found_ns);
    CHECK(world.told.back().times > 60);
    CHECK(world.alarms.back().find(" times") != std::string::npos);
    // When it is over the last of it is told, and the next one is a new episode that is answered at once.
    for (int i = 0; i < 20; ++i) world.now_ms += 1000, world.look(0);
    const auto calls = world.mender.calls;
    CHECK(world.told.back().times == calls);
    world.look(1);
    CHECK(world.mender.calls == calls + 1);
    CHECK(world.told.back().times == 1);
    CHECK(world.told.back().found_ns != world.told.front().found_ns);
}

TEST_CASE("what cannot be undone is said so, and not tried at full speed") {
    World world;
    world.mender.refuses = {model::Weakness::rules_removed};
    CHECK(world.look(1).again_ms == -1);  // the next look comes by itself
    REQUIRE(world.told.size() == 1);
    CHECK(world.told[0].to_ns == 0);
    CHECK(world.told[0].times == 0);
    CHECK(world.told[0].what.find("not permitted") != std::string::npos);
    CHECK(world.alarms[0].find("not undone") != std::string::npos);
}

TEST_CASE("one that cannot be undone does not keep another from being told as undone") {
    World world;
    world.mender.refuses = {model::Weakness::rules_removed};
    world.look(1, 0);
    world.now_ms += 50;
    world.look(1, 1);
    world.now_ms += 2000;
    world.look(1, 1);
    const auto last_of = [&](model::Weakness kind) {
        const auto found = std::find_if(world.told.rbegin(), world.told.rend(),
                                        [&](const model::Tampered& one) { return one.kind == kind; });
        REQUIRE(found != world.told.rend());
        return *found;
    };
    const auto disabled = last_of(model::Weakness::disabled);
    CHECK(disabled.times == 1);
    CHECK(disabled.to_ns == boot + 10'050 * ms);
    CHECK(disabled.what.find("not permitted") == std::string::npos);
    CHECK(last_of(model::Weakness::rules_removed).to_ns == 0);
    CHECK(world.alarms.size() == 2);
}

TEST_CASE(
    "what is found beside one that cannot be undone, or that keeps coming back, is undone at once and told as that") {
    for (const bool is_refused : {true, false}) {
        World world;
        if (is_refused) world.mender.refuses = {model::Weakness::rules_removed};
        for (int i = 0; i < 60; ++i) world.look(1), world.now_ms += 50;
        const auto calls = world.mender.calls;
        while (world.mender.calls == calls) world.look(1), world.now_ms += 50;  // from now on it has to wait
        world.told.clear();
        world.alarms.clear();
        const auto answer = world.look(1, 0);
        CHECK(world.mender.last == std::set{model::Weakness::disabled});
        CHECK(answer.again_ms >= 0);
        CHECK(answer.again_ms <= 10);
        CHECK(answer.pause_ms <= 10);
        CHECK(world.alarms.empty());
        REQUIRE_FALSE(world.told.empty());
        CHECK(world.told.back().kind == model::Weakness::disabled);
        CHECK(world.told.back().from_ns == boot + (world.now_ms - 50) * ms);
        world.now_ms += 10;
        const auto after = world.look(1);
        // Nothing has changed since it was refused: others need not wait for the next look.
        if (is_refused) CHECK(after.pause_ms == 0);
        REQUIRE(world.alarms.size() == 1);
        CHECK(world.alarms[0].find("undone, the recording was impaired for at most 60 ms") != std::string::npos);
    }
}

TEST_CASE("a clock that is set back does not put off what is to be done") {
    World world;
    world.look(1);
    world.now_ms += 500;
    audit::Picture none;
    none.state.enabled = 1;
    none.state.lost = 5;
    world.episodes.see(none, world.wanted, boot - 3600'000 * ms, {boot - 3600'000 * ms, world.now_ms * ms},
                       world.mender);
    CHECK(world.mender.calls == 2);
}

TEST_CASE("a lost counter that goes down was reset") {
    World world;
    world.lost = 0;
    world.look(0);
    REQUIRE(world.told.size() == 1);
    CHECK(world.told[0].kind == model::Weakness::lost_reset);
    CHECK(world.told[0].what == "count of lost records 5 -> 0");
    for (int i = 0; i < 2; ++i) world.now_ms += 1500, world.look(0);
    CHECK(world.told.size() == 2);
    CHECK(world.told[1].to_ns != 0);
}
