#include "remembering.hpp"

#include <algorithm>
#include <vector>

#include "lineage/base/codec.hpp"
#include "lineage/procfs/entry.hpp"

namespace lineage::ingest {

namespace {

/// Frames may come so long after what they tell of: who has died since then may be spoken of once more.
constexpr model::TimeNs spoken_of_ns = 10'000'000'000;

std::string fact(const std::map<std::string, std::string>& facts, const char* name) {
    const auto found = facts.find(name);
    return found == facts.end() ? std::string() : found->second;
}

void tell(Pipeline& pipeline, model::Control type, std::string_view payload, model::TimeNs now_ns) {
    pipeline.frame({model::Source::control, static_cast<std::uint16_t>(type), now_ns, payload});
}

/// As capture would at its start.
void tell_beginning(Pipeline& pipeline, const model::Boot& boot, const std::map<std::string, std::string>& facts,
                    model::TimeNs now_ns) {
    const bool is_now = fact(facts, "recorder.boot") == boot.name;
    // Of an older boot: CLOCK_REALTIME - CLOCK_MONOTONIC, if it was never suspended.
    const auto clocks = is_now ? procfs::clock_offsets() : procfs::ClockOffsets{boot.started_ns, boot.started_ns};
    std::string payload;
    base::Encoder out(payload);
    out.put_bytes(boot.name);
    out.put_bytes(boot.host);
    out.put(clocks.real_minus_mono_ns);
    out.put(clocks.real_minus_boot_ns);
    tell(pipeline, model::Control::boot, payload, now_ns);
    if (fact(facts, "witnesses.connector") == "on") tell(pipeline, model::Control::connector_up, {}, now_ns);
    const auto audit = fact(facts, "witnesses.audit");
    if (audit.empty() || audit == "off") return;
    const char alone = audit == "netlink" ? 1 : 0;
    tell(pipeline, model::Control::audit_up, {&alone, 1}, now_ns);
}

}  // namespace

base::Status remember(Pipeline& pipeline, store::Reader& history, const std::map<std::string, std::string>& facts) {
    const auto boots = history.boots();
    if (!boots) return tl::unexpected(boots.error());
    const auto last = std::find_if(boots->rbegin(), boots->rend(), [](const auto& boot) { return !boot.imported; });
    if (last == boots->rend()) return {};
    const auto sizes = history.sizes();
    if (!sizes) return tl::unexpected(sizes.error());
    const auto newest_ns = std::max(last->started_ns, sizes->newest_ns.value_or(0));
    model::Filter spoken_of;
    spoken_of.since_ns = newest_ns - spoken_of_ns;
    spoken_of.boots = {last->id};
    std::vector<model::Node> lives;
    const auto take = [&](model::Node&& node) {
        lives.push_back(std::move(node));
        return true;
    };
    if (auto selected = history.select(spoken_of, take); !selected) return selected;
    pipeline.know(*last, std::move(lives));
    tell_beginning(pipeline, *last, facts, newest_ns);
    return {};
}

}  // namespace lineage::ingest
