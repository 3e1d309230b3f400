// What a device told us: Facts learnt at open, and Installed, what its lists hold now.
#pragma once

#include "core/address/block.hpp"

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
  std::string errors;    // standard error, where the channel has one
  std::string warning{}; // what the device said beside it without refusing: it may not be all (RFC 6241 4.3)
};

struct Entry {
  Block block;
  std::string list;   // key of the driver's list
  std::string number; // sequence number or entry name, as the device shows it; empty where there is none
  std::uint64_t hits = 0;
  bool in_force = true;
  std::string why_not; // `behind the terminal permit (20)`, `inactive`, `not in the routing table`
  // An earlier rule of somebody else lets it through, in whole or in part: removing and adding it again would change nothing.
  bool shadowed = false;
  std::size_t behind = 0; // how many of its list's `permits` come before it

  // As much in force as banpush can make it.
  bool settled() const noexcept { return in_force || shadowed; }
};

// A block in a list, by the driver's key.
using BlockIn = std::pair<Block, std::string>;

struct Foreign {
  std::string list;
  std::string text;               // the line or item as the device shows it
  std::optional<Prefix> covers;   // what it blocks already, where that can be told
  std::optional<Prefix> around{}; // the smallest prefix that all of it lies in; of a range, for one
  // Of a list that the platform renumbers by itself: what it is if the ledger knows it there (claimed()).
  std::optional<Entry> maybe{};
  bool placeholder = false; // banpush's own, an address of nobody that keeps the list from being empty
};

// A rule of somebody else that lets packets pass, in a list whose order decides.
struct Permit {
  std::optional<std::uint64_t> number;
  std::optional<Prefix> source; // nothing: any
  std::string text;

  bool meets(const Prefix &prefix) const noexcept;
};

struct ListState {
  std::string list;
  bool stands = true;                    // the list is on the device
  bool in_force = true;                  // and its proofs hold
  bool unbound = false;                  // a proof that does not hold names the list nowhere: what binds it is not there
  std::string why_not;                   // for people, when not
  std::optional<std::uint64_t> terminal; // number of the first terminal entry
  std::size_t terminals = 0;             // how many there are
  std::vector<std::uint64_t> taken;      // numbers used by foreign entries and terminal ones
  std::vector<Permit> permits;           // before the terminal entry
  std::vector<std::string> doubts;       // for people: why its entries may block less than it seems
  bool may_be_passed = false;            // one of them: of the filter that uses it an earlier rule may let packets through
  bool may_lack = false;                 // one of them: a proof of level `warning` does not hold
};

struct Installed {
  std::vector<Entry> entries; // ours, sorted by block
  std::vector<Foreign> foreign;
  std::vector<ListState> lists;

  const ListState *state(std::string_view list) const noexcept;
  // Whether the list stands and its proofs hold; of one that nobody asked about, yes.
  bool is_in_force(std::string_view list) const noexcept;
  // Whether the entry and its list are in force.
  bool is_in_force(const Entry &entry) const noexcept { return entry.in_force && is_in_force(entry.list); }
  // Ours, with the entry and its list in force.
  std::size_t in_force(Family family) const noexcept;
};

// With what the ledger knows counted as ours, where the platform gives numbers anew by itself. `known` is sorted.
Installed claimed(Installed installed, const std::vector<BlockIn> &known);

// What a template of setup or unsetup may ask of each list, as facts: LIST_stands, LIST_in_force, LIST_first (in force, and no
// earlier rule of its filter may let packets through), LIST_permits (it has an entry that permits the rest) and LIST_foreign
// (others have entries in it), LIST being the driver's key.
Facts with_states(Facts facts, const Installed &installed);

// What of the foreign entries is somebody else's: banpush's own placeholders are not.
std::vector<Foreign> of_others(const Installed &installed);

} // namespace banpush
