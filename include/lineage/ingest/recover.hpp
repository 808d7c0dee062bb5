// A history built again: from a journal, and from what a damaged database still tells of the time before it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "lineage/base/result.hpp"
#include "lineage/store/store.hpp"

namespace lineage::ingest {

struct RecoverReport {
    std::uint64_t from_journal = 0;   ///< processes
    std::uint64_t from_database = 0;  ///< processes of which the journal no longer has the beginning
    std::int64_t holes = 0;           ///< ranges of the damaged database that cannot be read
};

/// Into `writer`'s database, which is empty. `journal`, `damaged`: empty for none. Who was born before the journal
/// begins keeps his id, and lives on with what the journal tells; of the others that both tell of, the journal's word
/// counts, under a new id. One whose ancestor is lost hangs under its boot's pid 0, marked.
/// What could not be read is a gap. A lineaged that is started on the result goes on where the journal ends.
base::Result<RecoverReport> recover(const std::string& journal, const std::string& damaged, store::Writer& writer,
                                    const std::function<base::Result<std::unique_ptr<store::Reader>>()>& reader);

}  // namespace lineage::ingest
