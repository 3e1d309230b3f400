// Fewer blocks for the same bans: nested ones dropped, halves merged, and, within a stated budget of
// addresses that nobody banned, whole neighbourhoods. docs/policy.md says what of it is optimal.
#pragma once

#include "core/policy/policy.hpp"

#include <cstdint>
#include <vector>

namespace banpush {

struct Aggregated {
  std::vector<Candidate> blocks;   // sorted by block; no prefix lies in another of its service, or of all services
  std::vector<std::size_t> merged; // places in `blocks` that stand for several candidates: their hosts are the most of any part
  std::uint64_t innocents = 0;     // addresses (IPv6: /64s) covered that no candidate covered
};

// `blocks` in any order. Blocks with a service are merged exactly at most. No block becomes wider than
// policy.shortest4/6, and none made by lossy merging overlaps `never`.
Aggregated aggregate(std::vector<Candidate> blocks, const Policy &policy, const PrefixSet &never);

} // namespace banpush
