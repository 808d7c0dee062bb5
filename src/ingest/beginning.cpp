#include "beginning.hpp"

#include "lineage/base/codec.hpp"
#include "lineage/journal/journal.hpp"
#include "lineage/model/frame.hpp"

namespace lineage::ingest {

namespace {

/// Frames may come so long after what they tell of.
constexpr model::TimeNs spoken_of_ns = 10'000'000'000;

}  // namespace

void Beginning::take(const model::Node& node) {
    const auto& process = node.process;
    if (!boot || process.boot != boot->id || process.born.time_ns > time_ns) return;
    if (process.pid == 0 && process.parent != 0) return;
    if (process.ended && process.ended->time_ns < time_ns - spoken_of_ns) return;
    auto& life = lives.emplace_back(node);
    if (life.process.ended && life.process.ended->time_ns >= time_ns) life.process.ended.reset();
    std::erase_if(life.images, [&](const model::Image& image) { return image.time_ns > time_ns; });
    if (life.process.image_owner != life.process.id) return;
    if (life.images.empty()) life.process.image_owner = 0;
    life.process.image_seq = life.images.empty() ? 0 : life.images.back().seq;
}

base::Result<Beginning> beginning_of(const std::string& journal, const std::vector<model::Boot>& boots) {
    Beginning beginning;
    auto reader = journal::Reader::open(journal);
    if (!reader) return tl::unexpected(reader.error());
    model::Frame first;
    const auto next = reader->next(first);
    if (!next) return tl::unexpected(next.error());
    if (*next == journal::Reader::Next::at_end) return beginning;
    beginning.time_ns = first.received_ns;
    const auto is_boot = static_cast<std::uint16_t>(model::Control::boot);
    beginning.is_told = first.source == model::Source::control && first.type == is_boot;
    const std::string name(beginning.is_told ? base::Decoder(first.payload).get_bytes() : std::string_view());
    for (const auto& boot : boots)
        if (beginning.is_told ? boot.name == name : !boot.imported && boot.started_ns <= first.received_ns)
            beginning.boot = boot;
    return beginning;
}

}  // namespace lineage::ingest
