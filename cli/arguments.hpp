// What was given on the command line, one field an option, not yet interpreted. A command reads those it declared.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "checks.hpp"

namespace lineage::cli {

struct Arguments {
    std::string database;
    bool json = false;
    std::string color = "auto";
    bool utc = false;
    bool strict = false;

    std::string process;  ///< PROC; empty: not given
    std::string at;
    std::string boot;
    std::string host;
    std::optional<int> depth;
    bool alive = false;
    bool records = false;

    std::optional<std::int32_t> pid;
    std::string exe;
    std::string arg;
    std::string comm;
    std::string uid;
    std::string auid;
    std::string since;
    std::string until;
    std::string under;
    std::string signal;
    std::string ancestor;
    std::string record;
    std::string key;
    std::size_t limit = 0;  ///< 0: all

    std::string format;
    std::string output;  ///< empty: standard output
    std::vector<std::string> inputs;
    std::string from;     ///< a damaged database
    std::string journal;  ///< empty: the one beside the database

    std::string trace_input;            ///< FILE, - or TIME:SERIAL; empty: not given
    std::size_t history_bytes_max = 0;  ///< 0: whole
    std::string log;                    ///< empty: where auditd writes it
};

/// --db, --json, --color, --utc, --strict: declared for the program and again for each command, so that they are
/// taken on either side of the command's name.
void declare_common(CLI::App& app, Arguments& arguments);
void declare_process(CLI::App& app, Arguments& arguments, bool required);
/// --at: which life of a pid is meant.
void declare_moment(CLI::App& app, Arguments& arguments);
/// --host and --boot: where.
void declare_where(CLI::App& app, Arguments& arguments);
void declare_host(CLI::App& app, Arguments& arguments);
/// What `find` selects by.
void declare_filters(CLI::App& app, Arguments& arguments);

}  // namespace lineage::cli
