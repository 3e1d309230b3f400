// The best use of a budget of innocent addresses: which neighbouring blocks become one.
#pragma once

#include "core/policy/policy.hpp"

#include <cstdint>
#include <vector>

namespace banpush {

// Candidates first to last (exclusive) as one block.
struct Span {
  std::size_t first = 0, last = 0;
  Prefix prefix;
  std::uint64_t innocents = 0; // addresses in it that no candidate covers; /64s for IPv6
};

// Cuts the sorted, disjoint blocks into spans so that their number is the least that can be had for
// policy.aggregate's max_innocents, and of equally few the one with the fewest innocents: dynamic
// programming on the prefix tree. A span of several is never wider than policy.shortest4/6, banned
// by at least `density`, and free of `never` and of reserved space that policy does not allow.
std::vector<Span> widest_use(const std::vector<Candidate> &blocks, const Policy &policy, const PrefixSet &never);

} // namespace banpush
