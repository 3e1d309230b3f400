// What an unban leaves behind: other bans that cover the address or lie in the network, and entries that a policy makes
// of its neighbours.
#pragma once

#include "bans/ban_table.hpp"
#include "settings/config.hpp"

#include <memory>
#include <string>
#include <vector>

namespace banpush {

// One ban in force that overlaps what was unbanned.
struct OtherBan {
  Prefix prefix;
  std::string jail, hostname;
  Seconds left = 0; // to run, or `permanent`
};

// What is blocked of it all the same, by the policy of these devices (none: the policy of the configuration's top).
struct StillBlocked {
  Block entry;
  std::vector<std::string> devices;
};

struct Leftovers {
  std::vector<OtherBan> around, inside; // bans of the same and of wider prefixes; of narrower ones
  std::vector<StillBlocked> blocked;
};

// Reads the tables whole. Throws Error (Table).
Leftovers leftovers(Config config, const std::vector<std::unique_ptr<BanTable>> &tables, const Prefix &ip);

// The same in lines for people, each with the command that changes it; empty where nothing is left.
std::vector<std::string> said_of(const Leftovers &left, const Prefix &ip);

} // namespace banpush
