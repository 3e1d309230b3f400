// What a reading of a device told beside its entries, as far as it decides what they block: kept until the next reading, for
// those who only look.
#pragma once

#include "core/driver/installed.hpp"
#include "core/policy/policy.hpp"

#include <optional>
#include <string>
#include <vector>

namespace banpush {

// What of an entry's packets is let through.
struct Gap {
  BlockIn entry;
  std::optional<Prefix> source{}; // only packets from there; nothing: all of the entry's
  std::string rule{};             // of somebody else, that comes before; empty: the entry itself is not in use
  std::string why{};              // for people, where no rule does it

  // Why packets from the prefix pass by the entry, wholly or in part; nothing where they do not.
  std::optional<std::string> said_of(const Prefix &prefix) const;
  auto operator<=>(const Gap &) const = default;
};

// Why the entries of a list may block less than it seems.
struct ListDoubt {
  std::string list, why;
  auto operator<=>(const ListDoubt &) const = default;
};

// Somebody else's entry, as far as it may keep one of ours out.
struct OtherEntry {
  std::string list, text;
  std::optional<Prefix> covers, around;
  auto operator<=>(const OtherEntry &) const = default;
};

// So many of them are kept: first those that keep something out now, then the widest.
inline constexpr std::size_t most_others = 5000;

struct AsRead {
  // Sorted.
  std::vector<Gap> gaps;
  std::vector<ListDoubt> doubts;
  std::vector<OtherEntry> others;
  std::size_t more_others = 0; // that are not kept

  auto operator<=>(const AsRead &) const = default;
};

// Sorted.
std::vector<Gap> gaps_in(const Installed &installed);
// Why packets from the prefix pass by the entry; nothing where it blocks them all. `gaps` are sorted.
std::optional<std::string> passes(const std::vector<Gap> &gaps, const BlockIn &entry, const Prefix &prefix);
// Whether the entry, as it was read, blocks all packets from the prefix.
bool blocks(const Installed &installed, const std::vector<Gap> &gaps, const Entry &entry, const Prefix &prefix);
// `left_out` as selection said of what was installed.
AsRead as_read(const Installed &installed, const std::vector<LeftOut> &left_out);

} // namespace banpush
