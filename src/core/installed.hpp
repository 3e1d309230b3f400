// What a device told us: Facts learnt at open, and Installed, what its lists hold now.
#pragma once

#include "core/block.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace banpush {

// Named values learnt at open. `yes` and `` stand for true and false.
struct Facts {
  std::map<std::string, std::string> values;
  std::vector<std::map<std::string, std::string>> attach; // what was learnt of each place where lists are bound, in the device's order
  std::optional<Prefix> seen_from;                        // the address the device sees this session from
  std::string greeting;                                   // banner or server version, for -v
};

// The device's answer to one read: text, and the exit status where there is one.
struct Reply {
  std::string text;
  int exit = 0;
  std::string errors; // standard error, where the channel has one
};

struct Entry {
  Block block;
  std::string list;   // key of the driver's list
  std::string number; // sequence number or entry name, as the device shows it; empty where there is none
  std::uint64_t hits = 0;
  bool in_force = true;
  std::string why_not; // `behind the terminal permit (20)`, `inactive`, `not in the routing table`
};

struct Foreign {
  std::string list;
  std::string text;               // the line or item as the device shows it
  std::optional<Prefix> covers;   // what it blocks already, where that can be told
  std::optional<Prefix> around{}; // the smallest prefix that all of it lies in; of a range, for one
};

struct ListState {
  std::string list;
  bool stands = true;                    // the list is on the device
  bool in_force = true;                  // and its proofs hold
  std::string why_not;                   // for people, when not
  std::optional<std::uint64_t> terminal; // number of the terminal entry
  std::vector<std::uint64_t> taken;      // numbers used by foreign entries
};

struct Installed {
  std::vector<Entry> entries; // ours, sorted by block
  std::vector<Foreign> foreign;
  std::vector<ListState> lists;

  const ListState *state(std::string_view list) const noexcept;
  // Ours, with the entry and its list in force.
  std::size_t in_force(Family family) const noexcept;
};

// What a template of setup or unsetup may ask of each list, as facts: LIST_stands and LIST_in_force, LIST
// being the driver's key.
Facts with_states(Facts facts, const Installed &installed);

} // namespace banpush
