// Counts over the rows of the table, for people: over time, by jail, host and network; and how far what
// stands on devices would have met recent bans.
#pragma once

#include "core/address/prefix_set.hpp"
#include "core/bans/ban.hpp"

#include <string>
#include <utility>
#include <vector>

namespace banpush {

struct Stats {
  std::size_t rows = 0, addresses = 0;
  std::size_t repeated = 0;                                                // addresses with more than one ban
  std::vector<std::size_t> over_time;                                      // bans per step, the oldest first
  std::vector<std::pair<std::string, std::size_t>> recurrence;             // addresses by their number of bans: `1`, `2`, `3 to 5` …
  std::vector<std::pair<std::string, std::size_t>> jails, hosts, networks; // most first
};

// Rows not older than `steps` × `step` seconds; networks are /24 and /48; `most` of each kind.
Stats stats(const Bans &bans, std::size_t steps, Seconds step, std::size_t most);

// Of the rows not older than `within`, the share whose address the entries cover, 0 to 1; 1 without rows.
double enforcement(const Bans &bans, const PrefixSet &entries, Seconds within);

} // namespace banpush
