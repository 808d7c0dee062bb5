// A store::Writer that tells another process, through shared memory, from where on the journal is still needed.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "lineage/store/store.hpp"

namespace lineage::daemon {

class ReportingWriter final : public store::Writer {
public:
    /// `needed_from` is the checkpoint that was committed last.
    ReportingWriter(std::unique_ptr<store::Writer> writer, std::atomic<std::uint64_t>& needed_from)
        : writer_(std::move(writer)), needed_from_(needed_from) {}

    base::Result<store::Progress> progress() override { return writer_->progress(); }
    base::Result<store::LastIds> last_ids() override { return writer_->last_ids(); }
    base::Status begin() override { return writer_->begin(); }
    void put(const model::Boot& boot) override { writer_->put(boot); }
    void put(const model::Process& process) override { writer_->put(process); }
    void put(model::Id owner, const model::Image& image) override { writer_->put(owner, image); }
    void drop_images(model::Id owner, std::int32_t from_seq) override { writer_->drop_images(owner, from_seq); }
    void put(model::Id owner, const std::vector<model::Attempt>& attempts) override { writer_->put(owner, attempts); }
    void put(model::Id id, model::Id owner, const model::KeptEvent& event) override { writer_->put(id, owner, event); }
    void move_record(model::Id id, model::Id owner) override { writer_->move_record(id, owner); }
    void drop(model::Id process) override { writer_->drop(process); }
    void put(const model::Gap& gap) override { writer_->put(gap); }
    void put(const model::Tamper& tamper) override { writer_->put(tamper); }
    void set_position(std::uint64_t position) override { writer_->set_position(position); }
    void set_checkpoint(std::uint64_t position, std::string_view state) override {
        checkpoint_ = position;
        writer_->set_checkpoint(position, state);
    }
    void set_fact(std::string_view name, std::string_view value) override { writer_->set_fact(name, value); }
    void drop_boot(std::string_view name) override { writer_->drop_boot(name); }
    std::int64_t processes_of_imports() override { return writer_->processes_of_imports(); }
    base::Status commit() override {
        auto committed = writer_->commit();
        if (committed && checkpoint_ != 0) needed_from_.store(checkpoint_, std::memory_order_relaxed);
        checkpoint_ = 0;
        return committed;
    }
    void rollback() override {
        checkpoint_ = 0;
        writer_->rollback();
    }
    base::Result<bool> keep_within(const store::Bounds& bounds, model::TimeNs now_ns) override {
        return writer_->keep_within(bounds, now_ns);
    }

private:
    std::unique_ptr<store::Writer> writer_;
    std::atomic<std::uint64_t>& needed_from_;
    std::uint64_t checkpoint_ = 0;
};

}  // namespace lineage::daemon
