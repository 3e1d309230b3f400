// The next hops of this host, in all its routing tables, asked of the kernel (rtnetlink(7)).
#pragma once

#include "core/policy/policy.hpp"

#include <vector>

namespace banpush {

// Each once, with the interface where one is told: of single and of multipath routes, of either family whatever the route's
// own is (RFC 8950), and of nexthop objects. What the kernel does not tell is left out.
std::vector<NamedPrefix> gateways();

} // namespace banpush
