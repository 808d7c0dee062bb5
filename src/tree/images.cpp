// Images: what an execve put into a process, and what children inherit of it.
#include <algorithm>

#include "state.hpp"

namespace lineage::tree {

namespace {

/// Behind those of the same time: records come in the order of their execs.
std::int32_t insert_in_order(std::vector<model::Image>& images, model::Image&& image) {
    auto at = images.end();
    while (at != images.begin() && std::prev(at)->time_ns > image.time_ns) --at;
    at = images.insert(at, std::move(image));
    return static_cast<std::int32_t>(at - images.begin());
}

}  // namespace

std::pair<model::Id, std::int32_t> Tracker::State::image_at(const Life& life, model::TimeNs time_ns,
                                                            std::int64_t serial) {
    for (auto image = life.images.rbegin(); image != life.images.rend(); ++image) {
        // Two audit stamps of one tick: the serials tell which came first.
        const bool tie = image->time_ns == time_ns && image->serial != 0 && serial != 0;
        if (tie ? image->serial <= serial : image->time_ns <= time_ns) return {life.process.id, image->seq};
    }
    return {life.inherited_owner, life.inherited_seq};
}

void Tracker::State::inherit_image(Life& child, const Life& creator) {
    const auto [owner, seq] = image_at(creator, child.from_ns(), child.process.born.serial);
    if (child.inherited_owner == owner && child.inherited_seq == seq && child.process.image_owner != 0) return;
    child.inherited_owner = owner;
    child.inherited_seq = seq;
    if (child.images.empty()) {
        child.process.image_owner = owner;
        child.process.image_seq = seq;
        population.touch(child);
    }
    set_image_of_children(child, std::numeric_limits<model::TimeNs>::min());
}

void Tracker::State::drop_guess(Life& life) {
    const bool guessed = !life.images.empty() && life.images.front().serial == 0 &&
                         life.images.front().witnesses == only(model::Witness::audit);
    if (!guessed) return;
    life.images.erase(life.images.begin());
    for (model::Image& image : life.images) --image.seq;
    life.process.image_owner = life.images.empty() ? life.inherited_owner : life.process.id;
    life.process.image_seq = life.images.empty() ? life.inherited_seq : life.images.back().seq;
    population.touch_image(life, 0);
    set_image_of_children(life, std::numeric_limits<model::TimeNs>::min());
}

void Tracker::State::name_image(Life& life, const model::AuditHeader& task) {
    if (life.images.empty() || task.exe.empty()) return;
    model::Image& image = life.images.back();
    // Records come by serial: that of the exec would have been here before.
    if (!image.exe.empty() || task.time_ns < image.time_ns + clock_slack_ns) return;
    image.exe = task.exe;
    image.comm = task.comm;
    image.witnesses = image.witnesses | model::Witness::audit;
    if (task.time_ns >= life.comm_ns) life.process.comm = task.comm;
    population.touch_image(life, image.seq);
}

void Tracker::State::set_image_of_children(Life& parent, model::TimeNs since_ns) {
    // Nearly always there is nothing to do: an exec is told of before the forks that follow it.
    for (Life* child = parent.first_child; child != nullptr; child = child->next_sibling)
        if (child->from_ns() >= since_ns) inherit_image(*child, parent);
}

model::Image& Tracker::State::add_image(Life& life, model::Image&& image) {
    ++images_created;
    const auto since_ns = image.time_ns;
    const auto seq = insert_in_order(life.images, std::move(image));
    number_images(life, seq, since_ns);
    return life.images[static_cast<std::size_t>(seq)];
}

model::Image& Tracker::State::stamp_image(Life& life, std::int32_t seq, const model::AuditHeader& exec) {
    model::Image image = std::move(life.images[static_cast<std::size_t>(seq)]);
    life.images.erase(life.images.begin() + seq);
    const auto since_ns = std::min(image.time_ns, exec.time_ns);
    image.time_ns = exec.time_ns;
    image.serial = exec.serial;
    const auto place = insert_in_order(life.images, std::move(image));
    number_images(life, std::min(seq, place), since_ns);
    return life.images[static_cast<std::size_t>(place)];
}

void Tracker::State::number_images(Life& life, std::int32_t from, model::TimeNs since_ns) {
    for (auto image = life.images.begin() + from; image != life.images.end(); ++image)
        image->seq = static_cast<std::int32_t>(image - life.images.begin());
    population.touch_image(life, from);
    life.process.image_owner = life.process.id;
    life.process.image_seq = life.images.back().seq;
    set_image_of_children(life, since_ns);
}

}  // namespace lineage::tree
