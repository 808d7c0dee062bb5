// From words on the command line to what the store is asked for.
#pragma once

#include "arguments.hpp"
#include "lineage/query/query.hpp"

namespace lineage::cli {

/// Is everything that has a form well formed? A usage error otherwise, told before any database is opened.
base::Status check_words(const Arguments& arguments);
base::Result<std::unique_ptr<store::Reader>> open_database(const Arguments& arguments);
/// The boots that --host and --boot mean, in the order of their start; all of them where neither was given.
base::Result<std::vector<model::Boot>> boots_of(const Arguments& arguments, store::Reader& reader);
/// A process by its name, as --at, --host and --boot have it.
base::Result<model::Node> process_of(const std::string& name, const Arguments& arguments, store::Reader& reader);
/// find's filters. What was misspelt is a usage error, named by its option.
base::Result<model::Filter> filter_of(const Arguments& arguments, store::Reader& reader);
base::Result<model::TimeNs> time_of(const char* option, const std::string& text);

/// Watches an answer go by and tells whether any of its processes lived through a gap. Looks only with --strict.
class GapWatch {
public:
    static base::Result<GapWatch> open(const Arguments& arguments, store::Reader& reader);
    void see(const model::Process& process);
    /// Error with ExitCode::touches_gap where one did.
    [[nodiscard]] base::Status verdict() const;

private:
    std::vector<model::Gap> gaps_;
    bool touched_ = false;
};
/// The same for an answer whose gaps are known.
base::Status verdict_on(const Arguments& arguments, const std::vector<model::Gap>& gaps);

}  // namespace lineage::cli
