// A history in which every pid is one process that has always been there, below pid 0.
#pragma once

#include "lineage/store/store.hpp"

namespace lineage::fuzz {

class OneProcessReader final : public store::Reader {
public:
    base::Result<std::optional<model::Node>> by_id(model::Id id) override {
        model::Node node;
        node.process = process(id);
        return node;
    }
    base::Status lives(model::Pid pid, model::TimeNs, const std::function<bool(const model::Process&)>& take) override {
        take(process(1 + model::Id{pid}));
        return {};
    }
    base::Result<std::int64_t> version() override { return 1; }
    base::Result<std::vector<model::Boot>> boots() override {
        model::Boot boot;
        boot.id = 1;
        return std::vector<model::Boot>{boot};
    }
    base::Result<std::int64_t> serial_by(model::BootId, model::TimeNs) override { return 0; }
    base::Result<std::vector<model::BootExtent>> boot_extents() override { return std::vector<model::BootExtent>(); }
    base::Result<std::optional<model::Node>> by_pid(model::Pid, model::TimeNs, model::BootId) override {
        return std::nullopt;
    }
    base::Result<std::vector<model::Node>> by_event(model::TimeNs, std::int64_t,
                                                    const std::vector<model::BootId>&) override {
        return std::vector<model::Node>();
    }
    base::Result<std::vector<model::KeptEvent>> records(model::Id, model::TimeNs) override {
        return std::vector<model::KeptEvent>();
    }
    base::Result<std::vector<store::EventOfBoot>> kept_at(model::TimeNs, std::int64_t) override {
        return std::vector<store::EventOfBoot>();
    }
    base::Result<std::vector<model::Node>> ancestors(model::Id) override { return std::vector<model::Node>(); }
    base::Status select(const model::Filter&, const std::function<bool(model::Node&&)>&) override { return {}; }
    base::Result<std::vector<model::Gap>> gaps(model::BootId) override { return std::vector<model::Gap>(); }
    base::Result<std::vector<model::Tamper>> tampering(model::BootId) override { return std::vector<model::Tamper>(); }
    base::Result<std::map<std::string, std::string>> facts() override { return std::map<std::string, std::string>(); }
    base::Result<Sizes> sizes() override { return Sizes(); }

private:
    static model::Process process(model::Id id) {
        model::Process process;
        process.id = id;
        process.boot = 1;
        process.pid = static_cast<model::Pid>(id - 1);
        process.parent = id == 1 ? 0 : 1;
        process.comm = "x;y";
        return process;
    }
};

}  // namespace lineage::fuzz
