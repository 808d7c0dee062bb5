// A command of `lineage` is one value. To add one: a file under cli/commands/, and its name in all_commands (main.cpp)
// and below.
#pragma once

#include "arguments.hpp"
#include "lineage/base/result.hpp"

namespace lineage::cli {

struct Command {
    const char* name;
    const char* help;
    void (*declare)(CLI::App& app, Arguments& arguments);
    /// Writes the answer. An error's exit code becomes the program's, also those that are no failure:
    /// nothing_matched, touches_gap.
    base::Status (*run)(const Arguments& arguments);
};

extern const Command show_command;
extern const Command tree_command;
extern const Command find_command;
extern const Command trace_command;
extern const Command export_command;
extern const Command status_command;
extern const Command boots_command;
extern const Command watch_command;
extern const Command doctor_command;
extern const Command import_command;
extern const Command recover_command;

}  // namespace lineage::cli
