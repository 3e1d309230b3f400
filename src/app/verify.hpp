// Read-back: what a device shows after a change must be what the plan leaves there, and in force.
#pragma once

#include "app/site/session.hpp"
#include "core/plan/plan.hpp"

#include <string>

namespace banpush {

struct Verified {
  // Reading: all of it. Change: what it shows of the change alone, which is proven to be all that has changed.
  enum class By { Reading, Change } by = By::Reading;
  Installed installed;    // as the device holds it now
  std::string difference; // for people: what is missing or still there; empty when all is as planned
  // Beside the change, of ours and in force: known before and not shown now; shown and not known before.
  std::size_t gone = 0, come = 0;
  bool others_changed() const noexcept { return gone != 0 || come != 0; }
  std::string lost; // what the device said of a change of which it lost some on the way; empty: nothing is to be sent again
};

// Reads until the device shows what the plan leaves, or the driver's settle time is over. `known` is what it held before.
// Throws Error (Connect, Device) where it cannot be read.
Verified verify(Session &session, const Plan &plan, Installed known);

} // namespace banpush
