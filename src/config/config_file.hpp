// banpush.yaml and all it names to one checked Config. docs/configuration.md describes the file.
#pragma once

#include "config/driver/driver_file.hpp"
#include "settings/config.hpp"

#include <string>
#include <vector>

namespace banpush {

// How much must be right. Whole: everything. Rescue (`flush`, `pause`, `show`): only the devices named,
// their drivers and their secrets; every other problem becomes one of Config::warnings. Recording (`ban`): everything but
// the drivers, which nobody talks through then: reading them takes longer than the ban.
struct Scope {
  enum class Kind { Whole, Rescue, Recording } kind = Kind::Whole;
  std::vector<std::string> devices; // Rescue: empty means all; those that are not right are then left out
};

struct LoadOptions {
  std::string path;   // of banpush.yaml
  DataDirs data_dirs; // folders with drivers/ and templates/, in order; the configuration's own goes first, named or not
  Scope scope;
};

// Throws one Error (Config) with everything that is wrong, a line each: `file:line:column: message`.
Config load_config(const LoadOptions &options);

} // namespace banpush
