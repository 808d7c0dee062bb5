// `find`'s answer, a line a process as it comes: the columns are as wide as such values usually are, not aligned over
// an answer of unknown length.
#include <fmt/format.h>

#include "line.hpp"
#include "times.hpp"
#include "words.hpp"

namespace lineage::render {
namespace {
constexpr int pid_column = 9;
constexpr int user_column = 17;
constexpr int login_column = 33;
constexpr int started_column = 49;
constexpr int ended_column = 74;
constexpr int lived_column = 88;
constexpr int command_column = 101;
}  // namespace

void list_header(const Style& style, std::string& out) {
    heads_line({{0, "ID"},
                {pid_column, "PID"},
                {user_column, "USER"},
                {login_column, "LOGIN"},
                {started_column, "STARTED"},
                {ended_column, "ENDED"},
                {lived_column, "LIVED"},
                {command_column, "COMMAND"}},
               style, out);
}

void list_line(const model::Node& node, const Style& style, std::string& out) {
    const auto& process = node.process;
    Line line(style, out);
    line.put(fmt::format("@{}", process.id), Ink::faint);
    line.to(pid_column);
    line.put(fmt::format("{}", process.pid));
    line.to(user_column);
    line.put(user_words(process.credentials.uid, style));
    line.to(login_column);
    line.put(user_words(process.credentials.auid, style));
    line.to(started_column);
    line.put(time_text(process.born.time_ns, style.utc));
    line.to(ended_column);
    const bool killed = process.ended && process.ended->signal;
    line.put(end_words(process), killed ? Ink::bad : process.ended ? Ink::faint : Ink::good);
    line.to(lived_column);
    line.put(process.ended ? duration_text(process.born.time_ns, process.ended->time_ns) : "-");
    line.to(command_column);
    line.put(command_words(node, command_bytes_max));
    line.end();
}

}  // namespace lineage::render
