// How the help of a verb looks: lines that fit a terminal of 80 columns, and an example.
#pragma once

#include <memory>
#include <string>

#include <CLI/CLI.hpp>

namespace banpush {

// Lays descriptions out within 80 columns.
std::shared_ptr<CLI::Formatter> help_layout();

// What is printed behind the help of the verb (`ban`, `allow add`): its example, and the exit codes.
std::string help_footer(const std::string &verb);

// The usage line of the verb that was being read when the command line went wrong: `banpush ban [OPTIONS] ip`.
std::string usage_of(const CLI::App &app);

} // namespace banpush
