// The candidates of some rows only; candidates() of all of them is in core/policy/policy.hpp.
#pragma once

#include "core/policy/policy.hpp"

#include <cstdint>
#include <vector>

namespace banpush {

// candidates() of some rows only, in the order of their prefixes, so many seconds after they were read. The
// rows must be all of each network that policy merges.
Candidates candidates_among(const Bans &bans, const Policy &policy, const std::vector<NamedPrefix> &protect,
                            const std::vector<std::uint32_t> &order, Seconds elapsed);

} // namespace banpush
