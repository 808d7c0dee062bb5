// Observations on their way from the thread that reads to the one that derives, in batches; bounded, so that a fast
// reader waits. One thread puts and closes, the other takes.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

#include "lineage/model/observation.hpp"

namespace lineage::ingest {

/// In order, of one host: the number that the reader gave it.
struct Batch {
    std::size_t host = 0;
    std::vector<model::Observation> observations;
};

class BatchQueue {
public:
    explicit BatchQueue(std::size_t batches_max) : batches_max_(batches_max) {}

    void put(Batch batch) {
        std::unique_lock lock(mutex_);
        room_.wait(lock, [&] { return batches_.size() < batches_max_; });
        batches_.push_back(std::move(batch));
        lock.unlock();
        news_.notify_one();
    }
    void close() {
        std::unique_lock lock(mutex_);
        closed_ = true;
        lock.unlock();
        news_.notify_one();
    }
    /// Waits for a batch; false when there will be none.
    bool take(Batch& batch) {
        std::unique_lock lock(mutex_);
        news_.wait(lock, [&] { return closed_ || !batches_.empty(); });
        if (batches_.empty()) return false;
        batch = std::move(batches_.front());
        batches_.pop_front();
        lock.unlock();
        room_.notify_one();
        return true;
    }

private:
    const std::size_t batches_max_;
    std::mutex mutex_;
    std::condition_variable room_, news_;
    std::deque<Batch> batches_;
    bool closed_ = false;
};

}  // namespace lineage::ingest
