// A Reader over a few processes in memory.
#pragma once

#include <algorithm>

#include "lineage/store/store.hpp"

namespace lineage::query::test {

class FakeReader final : public store::Reader {
public:
    std::map<model::Id, model::Process> processes;
    std::map<model::Id, std::vector<model::Image>> images;
    std::map<model::Id, std::vector<model::KeptEvent>> kept;
    std::vector<model::Gap> all_gaps;
    std::vector<model::Tamper> all_tampering;
    std::vector<model::Boot> all_boots;
    std::int64_t current_version = 1;
    int asked_by_id = 0;

    void add(model::Id id, model::Id parent, model::BootId boot = 1) {
        auto& process = processes[id];
        process.id = id;
        process.boot = boot;
        process.pid = static_cast<model::Pid>(1000 + id);
        process.parent = parent;
        process.born.time_ns = id * 10;
    }
    base::Result<std::optional<model::Node>> by_id(model::Id id) override {
        ++asked_by_id;
        return find(id);
    }
    base::Result<std::optional<model::Node>> by_pid(model::Pid pid, model::TimeNs at_ns, model::BootId boot) override {
        return find(boot == 0 && at_ns == 77 ? pid - 1000 : 0);
    }
    base::Status lives(model::Pid pid, model::TimeNs until_ns,
                       const std::function<bool(const model::Process&)>& take) override {
        std::vector<model::Process> found;
        for (const auto& [id, process] : processes)
            if (process.pid == pid && process.born.time_ns <= until_ns) found.push_back(process);
        std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
            return std::pair(a.born.time_ns, a.id) > std::pair(b.born.time_ns, b.id);
        });
        for (const auto& process : found)
            if (!take(process)) break;
        return {};
    }
    base::Result<std::int64_t> version() override { return current_version; }
    std::vector<model::Id> of_event_502;  ///< at 55 ns
    base::Result<std::vector<model::Node>> by_event(model::TimeNs time_ns, std::int64_t serial,
                                                    const std::vector<model::BootId>& boots) override {
        std::vector<model::Node> nodes;
        for (const auto id : of_event_502) {
            const bool is_wanted =
                boots.empty() || std::find(boots.begin(), boots.end(), processes[id].boot) != boots.end();
            if (time_ns == 55 && serial == 502 && is_wanted) nodes.push_back(*find(id));
        }
        return nodes;
    }
    base::Result<std::vector<model::KeptEvent>> records(model::Id owner, model::TimeNs until_ns) override {
        std::vector<model::KeptEvent> found;
        for (const auto& event : kept[owner])
            if (event.time_ns <= until_ns) found.push_back(event);
        return found;
    }
    base::Result<std::vector<store::EventOfBoot>> kept_at(model::TimeNs, std::int64_t) override {
        return std::vector<store::EventOfBoot>();
    }
    base::Result<std::vector<model::Node>> ancestors(model::Id id) override {
        std::vector<model::Node> path;
        for (auto parent = processes.at(id).parent; parent != 0; parent = processes.at(parent).parent)
            path.push_back(*find(parent));
        return path;
    }
    base::Status select(const model::Filter& filter, const std::function<bool(model::Node&&)>& take) override {
        for (const auto& [id, process] : processes) {
            if (filter.pid && process.pid != *filter.pid) continue;
            if (!take(*find(id))) break;
        }
        return {};
    }
    base::Result<std::int64_t> serial_by(model::BootId boot, model::TimeNs time_ns) override {
        std::int64_t serial = 0;
        for (const auto& [id, process] : processes) {
            if (process.boot != boot) continue;
            if (process.born.time_ns <= time_ns) serial = std::max(serial, process.born.serial);
            for (const auto& image : images[id])
                if (image.time_ns <= time_ns) serial = std::max(serial, image.serial);
        }
        return serial;
    }
    base::Result<std::vector<model::Boot>> boots() override { return all_boots; }
    base::Result<std::vector<model::BootExtent>> boot_extents() override { return {}; }
    base::Result<std::vector<model::Gap>> gaps(model::BootId boot) override {
        std::vector<model::Gap> of_boot;
        std::copy_if(all_gaps.begin(), all_gaps.end(), std::back_inserter(of_boot),
                     [&](const auto& gap) { return gap.boot == boot; });
        return of_boot;
    }
    base::Result<std::vector<model::Tamper>> tampering(model::BootId boot) override {
        std::vector<model::Tamper> of_boot;
        std::copy_if(all_tampering.begin(), all_tampering.end(), std::back_inserter(of_boot),
                     [&](const auto& tamper) { return tamper.boot == boot; });
        return of_boot;
    }
    base::Result<std::map<std::string, std::string>> facts() override { return {}; }
    base::Result<Sizes> sizes() override { return {}; }

private:
    std::optional<model::Node> find(model::Id id) const {
        const auto found = processes.find(id);
        if (found == processes.end()) return std::nullopt;
        model::Node node;
        node.process = found->second;
        if (const auto own = images.find(id); own != images.end()) node.images = own->second;
        return node;
    }
};

}  // namespace lineage::query::test
