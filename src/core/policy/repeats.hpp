// What the rows of one address mean for each other, whatever candidates come of them: for `list`, and for `prune`, which
// takes away no row that decides about another one.
#pragma once

#include "core/policy/policy.hpp"

#include <vector>

namespace banpush {

// By the number of the row: which ban of its address (or of the network that policy widens it to) within escalate.window
// it is; all 1 where nothing escalates.
std::vector<unsigned> places(const Bans &bans, const Policy &policy);

// By the number of the row: whether escalation or the quorum of this policy needs it. That is so as long as it counts for
// a ban to come, or for one of the same address that is in force, or has ended no longer ago than `ended_within`. Never
// too few: of addresses that policy does not widen because of an exception all the same, too.
std::vector<bool> needed(const Bans &bans, const Policy &policy, Seconds ended_within);

} // namespace banpush
