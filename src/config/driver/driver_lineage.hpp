// `extends`: a driver file with what it takes over from others.
#pragma once

#include "config/document/document.hpp"
#include "config/driver/driver_file.hpp"

#include <string>
#include <vector>

namespace banpush {

// A driver file with all it extends laid under it, and the names of all of them, its own first.
struct Lineage {
  Node node;
  std::vector<std::string> names;
  bool is_whole = true; // false where `extends` leads nowhere
};

// Throws Error (Config) for a file that is no YAML; everything else that is wrong goes to `problems`.
Lineage lineage_of(const std::string &file, const DataDirs &dirs, Problems &problems);

} // namespace banpush
