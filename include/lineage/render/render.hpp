// Results as text for people, JSON and DOT. Takes model data alone and appends to a string; the only place that
// escapes: a terminal gets no control byte from a process's argv, JSON is valid UTF-8, DOT labels are quoted.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "lineage/model/finding.hpp"
#include "lineage/model/forest.hpp"

namespace lineage::render {

struct Style {
    bool color = false;
    bool utc = false;
    int width = 0;                                        ///< columns to cut lines at; 0: do not cut
    std::function<std::string(std::uint32_t)> user_name;  ///< "" where there is none
};

/// One process as the contract's JSON object, without newline.
std::string process_json(const model::Node& node);
std::string boot_json(const model::Boot& boot);
std::string gap_json(const model::Gap& gap, std::string_view boot);  ///< `boot`: Boot::name
/// As `status` and `show` list it: time, what, by, pid, auid, impaired_from, impaired_to; by null where it is not
/// known.
std::string tamper_json(const model::Tamper& tamper);
std::string path_json(const model::Path& path);

void path_text(const model::Path& path, const Style& style, std::string& out);
/// Each root of the forest (a vertex without a parent in it) and what is below it, drawn with lines. Beyond 64 levels
/// the lines say the depth as a number: drawn, a chain of n processes would take n * n columns.
/// Marked are those who tampered, and whose birth or end fell into the time that the recording was impaired. The gaps
/// come last, as in a path.
void tree_text(const model::Forest& forest, const std::vector<model::Gap>& gaps,
               const std::vector<model::Tamper>& tampering, const Style& style, std::string& out);
/// One line of JSON or text of a boot; `index` is 0 for the newest, -1 for the one before it, as --boot takes it.
std::string boot_extent_json(const model::BootExtent& extent, std::int64_t index);
void boots_text(const std::vector<model::BootExtent>& extents, const Style& style, std::string& out);
void list_header(const Style& style, std::string& out);
void list_line(const model::Node& node, const Style& style, std::string& out);
void dot(const model::Forest& forest, const Style& style, std::string& out);

/// `status`: everything the contract's status object holds.
struct Status {
    std::map<std::string, std::string> facts;  ///< "recorder.pid" -> "4242", see store's set_fact
    std::vector<model::Gap> gaps;
    std::vector<model::Tamper> tampering;
    std::map<model::Id, model::Path> culprits;   ///< Tamper::by, those that are still known
    std::map<model::BootId, std::string> boots;  ///< Boot::name by id
    std::map<std::string, std::string> database;
    bool recorder_alive = false;
};
std::string status_json(const Status& status);
void status_text(const Status& status, const Style& style, std::string& out);

/// `doctor`: {"checks":[{"name","state","found","mend"}]}, `mend` null where there is nothing to mend.
std::string findings_json(const std::vector<model::Finding>& findings);
/// A line each, the mend below what is not ok.
void findings_text(const std::vector<model::Finding>& findings, const Style& style, std::string& out);

std::string time_json(model::TimeNs time_ns);             ///< "2026-11-21T10:30:12.345678901Z"
std::string escape_for_terminal(std::string_view bytes);  ///< control bytes and invalid UTF-8 as \ooo
bool is_utf8(std::string_view bytes);
std::string to_utf8(std::string_view bytes);  ///< invalid bytes become U+FFFD

}  // namespace lineage::render
