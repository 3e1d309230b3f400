// What is in the spool, for `status` and `check`.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace banpush {

struct SpoolReport {
  std::vector<std::string> text; // nothing where the spool is empty
  nlohmann::json json;           // {"waiting", "since", "problem", "refused", "trouble", "notes"}
};

// Never throws: a spool that cannot be used is its `trouble`.
SpoolReport report_of_spool(const std::string &path);

// Local time of this host.
std::string time_text(std::int64_t since_the_epoch);

} // namespace banpush
