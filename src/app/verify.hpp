// Read-back: what a device shows after a change must be what the plan leaves there, and in force.
#pragma once

#include "app/session.hpp"
#include "core/plan.hpp"

#include <string>

namespace banpush {

struct Verified {
  Installed installed;    // as read last
  std::string difference; // for people: what is missing or still there; empty when all is as planned
};

// Reads until the device shows what the plan leaves, or the driver's settle time is over. Throws Error
// (Connect, Device) where it cannot be read.
Verified verify(Session &session, const Plan &plan);

} // namespace banpush
