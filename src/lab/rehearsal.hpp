// A rehearsal: the operator's configuration against an emulated twin of each device.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace banpush::lab {

struct RehearsalOptions {
  std::string config = "/etc/banpush/banpush.yaml";
  std::vector<std::string> devices; // names or groups; none: all
  std::string running;              // folder with DEVICE.cfg; empty: none were saved
  std::vector<std::string> from;    // ADDRESS or ADDRESS@INTERFACE; sessions to the twins are taken to come from the first
  std::vector<std::string> trains;  // DEVICE=TRAIN
  std::string bans;                 // file with an address a line; empty: the configuration's tables
  std::string folder;               // of its files, which is there and empty
  std::vector<std::string> platforms;
};

// All of it as one document (docs/lab.md): `devices`, each rehearsed or why not, and `status`, the exit status. Throws Error (Usage,
// Config, Table) where there is nothing to begin with.
nlohmann::json rehearse(const RehearsalOptions &options);

// The same for people.
std::string rehearsal_text(const nlohmann::json &rehearsal);

} // namespace banpush::lab
