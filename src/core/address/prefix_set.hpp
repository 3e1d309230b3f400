// A sorted flat set of prefixes, for allow, protect and arithmetic on address space.
#pragma once

#include "core/address/prefix.hpp"

#include <optional>
#include <vector>

namespace banpush {

// The prefixes stay as they were given (a host inside a network is kept beside it) until collapsed().
class PrefixSet {
public:
  PrefixSet() = default;
  explicit PrefixSet(std::vector<Prefix> prefixes); // in any order, doubles welcome

  bool empty() const noexcept { return prefixes_.empty(); }
  std::size_t size() const noexcept { return prefixes_.size(); }
  auto begin() const noexcept { return prefixes_.begin(); }
  auto end() const noexcept { return prefixes_.end(); }

  bool has(const Prefix &prefix) const noexcept;    // exactly this one
  bool covers(const Prefix &prefix) const noexcept; // some member contains it whole
  // The first member that contains the prefix or lies in it; nothing when they are disjoint.
  std::optional<Prefix> overlap(const Prefix &prefix) const noexcept;

  // The smallest set of prefixes covering exactly the same addresses.
  PrefixSet collapsed() const;
  // The smallest set covering `prefix` less every member of this set: the minimal-cover hole.
  std::vector<Prefix> hole(const Prefix &prefix) const;

  friend bool operator==(const PrefixSet &, const PrefixSet &) = default;

private:
  std::vector<Prefix> prefixes_;
};

} // namespace banpush
