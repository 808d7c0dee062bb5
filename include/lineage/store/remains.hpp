// What can still be read of a damaged database: row by row, past the pages that cannot be. Nothing is believed that
// cannot be true. Nothing is written, neither to the file nor beside it: it may be all that is left, lie on a medium
// that is read-only, or on one that is full. A process may lack its texts or its parent; what is missing is empty.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lineage/base/result.hpp"
#include "lineage/model/forest.hpp"
#include "lineage/model/kept_event.hpp"
#include "lineage/store/store.hpp"

namespace lineage::store {

class Remains {
public:
    /// Fails when not even its tables can be found: its first page is lost. A file that was cut short anywhere behind
    /// that page is a damaged one like any other. Fails while it is being written: what is read is taken for all there
    /// is.
    static base::Result<Remains> open(const std::string& path);
    Remains(Remains&&) noexcept;
    Remains& operator=(Remains&&) noexcept;
    ~Remains();

    std::vector<model::Boot> boots();
    std::vector<model::Gap> gaps();
    std::vector<model::Tamper> tampering();
    /// By ascending id; Node::boot and Node::current stay empty.
    void each_process(const std::function<void(model::Node&&)>& take);
    /// By ascending id, which is the order in which they came: (id, owner, event).
    void each_record(const std::function<void(model::Id, model::Id, model::KeptEvent&&)>& take);
    /// Ranges of rows that could not be read so far.
    [[nodiscard]] std::int64_t holes() const;

private:
    struct State;
    explicit Remains(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace lineage::store
