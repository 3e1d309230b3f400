// drivers/NAME.yaml and templates/NAME/ to a checked Driver. docs/driver-format.md describes the format.
#pragma once

#include "core/driver/driver.hpp"

#include <optional>
#include <string>
#include <vector>

namespace banpush {

// Folders that hold drivers/ and templates/, searched in order: a site's own come first.
using DataDirs = std::vector<std::string>;

// The driver of this file. Parents (`extends`) and templates are looked for in `dirs`. Throws one Error
// (Config) with everything that is wrong, each with file, line and column.
Driver load_driver(const std::string &file, const DataDirs &dirs);

// drivers/NAME.yaml in the first folder that has it; nothing when none has.
std::optional<std::string> driver_file(const std::string &name, const DataDirs &dirs);

// The names of all drivers in the folders, sorted.
std::vector<std::string> driver_names(const DataDirs &dirs);

// One driver of all there are: loaded, or what is wrong with it.
struct FoundDriver {
  std::string name, file;
  std::optional<Driver> driver;
  std::string problems; // lines; empty when it loaded
};
std::vector<FoundDriver> find_drivers(const DataDirs &dirs);

} // namespace banpush
