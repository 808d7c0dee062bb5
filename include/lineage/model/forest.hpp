// A selection of the history in memory: what a query answers and a renderer draws.
#pragma once

#include <boost/graph/adjacency_list.hpp>
#include <map>
#include <string>
#include <vector>

#include "lineage/model/kept_event.hpp"
#include "lineage/model/process.hpp"

namespace lineage::model {

/// A process with all that a reader may want to know of it.
struct Node {
    Process process;
    std::string boot;           ///< Boot::name
    Image current;              ///< the image it runs, its own or inherited; empty where none is known
    std::vector<Image> images;  ///< its own, in order
    std::vector<Attempt> attempts;
    std::optional<std::vector<KeptEvent>> records;  ///< only where they were asked for
};

/// Vertices are processes, edges lead from a creation parent to its children.
using Forest = boost::adjacency_list<boost::vecS, boost::vecS, boost::bidirectionalS, Node>;

/// A process with its ancestors, parent first, pid 0 last, and the gaps and the tampering that any of their lives
/// touches.
struct Path {
    Node process;
    std::vector<Node> ancestors;
    std::vector<Gap> gaps;
    std::map<Id, Process> senders;  ///< of the signals that ended them (End::by), those that are still known
    std::vector<Tamper> tampering = {};
    std::map<Id, Process> culprits = {};  ///< Tamper::by, likewise
};

/// What `find` and `export` select by; everything given must hold.
struct Filter {
    std::optional<Pid> pid;
    std::string exe_glob;              ///< any image's exe or script, or the inherited one's, by GLOB; empty: any
    std::string comm_glob;             ///< likewise for comm
    std::string arg_text;              ///< some argument of some image contains it
    std::optional<std::uint32_t> uid;  ///< at any time known: as last known or of an image
    std::optional<std::uint32_t> auid;
    std::string record_type;             ///< an event of it was kept that has such a record, "AVC"; empty: any
    std::string record_key;              ///< and, the same event, under a rule with this key
    std::optional<std::int32_t> signal;  ///< it ended by this signal
    std::optional<TimeNs> since_ns;      ///< it was alive at or after
    std::optional<TimeNs> until_ns;      ///< it was born at or before
    std::optional<TimeNs> alive_at_ns;
    bool alive_only = false;   ///< has no end
    Id under = 0;              ///< itself or a descendant of it; 0: anywhere
    std::optional<int> depth;  ///< of descent below `under`; needs it
    /// Some ancestor had run an image, by the time that the path to the process left it, whose exe or script matches by
    /// GLOB; empty: any.
    std::string ancestor_glob;
    std::vector<BootId> boots;  ///< in one of these; empty: in any
    std::size_t limit = 0;      ///< 0: all
};

}  // namespace lineage::model
