// From what a device holds to its plan: select, diff, hold, render. Pure but for the ledger it asks.
#pragma once

#include "app/push.hpp"
#include "app/session.hpp"
#include "app/site.hpp"

#include <string>

namespace banpush {

// Throws Error (Config, Device) where the change cannot be said in the driver's words.
Plan make_plan(Site &site, const Session &session, const Installed &installed, const Order &order);

// The same up to the words: what is wanted, changed, left out and held, without a script or its hash.
Plan make_decision(Site &site, const Device &device, const Facts &facts, Installed installed, const Order &order);

// The entries of each family that a device may hold.
Capacity capacity_of(const Device &device);

// What the device held when it was last read, by the ledger; and when that was (empty: never).
struct FromLedger {
  Installed installed;
  std::string read_at;
};
FromLedger from_ledger(Site &site, const Device &device);

} // namespace banpush
