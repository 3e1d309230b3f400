// What the order of a list's rules makes of its entries: the first rule that meets a packet decides, so an entry is in force
// only where no earlier one lets its packets through.
#pragma once

#include "core/driver/installed.hpp"

#include <optional>
#include <string>
#include <vector>

namespace banpush {

// One rule of a list as it was read.
struct Rule {
  // Ours: an entry. Maybe: one that is ours if the ledger knows it. Unknown: whether it lets packets through cannot be told.
  enum class Says { Ours, Maybe, Denies, Permits, PermitsAll, Unknown } says = Says::Unknown;
  std::optional<std::uint64_t> number;
  std::size_t item = 0;         // its place among the entries (Ours), or among the foreign ones
  std::optional<Prefix> source; // Permits: nothing is any
  std::string text;             // but of Ours
};

// `an earlier rule lets it through (10 permit ip any any)`, or a part of it.
std::string why_shadowed(const Permit &permit, const Prefix &prefix);

// With the entries of `list` that earlier rules keep out of force marked so, and what is to be said of the list. Rules that all
// have numbers apply in the order of these, whatever the order they are shown in.
Installed in_order(Installed found, const std::string &list, std::vector<Rule> rules);

} // namespace banpush
