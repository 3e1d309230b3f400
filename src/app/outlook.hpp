// What those who only look see of bans and devices: the tables read once, and what is remembered. Nothing is connected to.
#pragma once

#include "app/record/waiting.hpp"
#include "app/site/site.hpp"

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace banpush {

struct Outlook {
  // Throws Error (Table, Config) where a table cannot be read.
  explicit Outlook(Config made);

  Config config;
  Fetched fetched;
  std::vector<std::string> notes;
  State state;
  Site site;
};

// One address through every row, policy and device: the document of `explain --json`.
nlohmann::json explained(Outlook &view, const Prefix &prefix);

} // namespace banpush
