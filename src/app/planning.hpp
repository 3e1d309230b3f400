// From what a device holds to its plan: select, diff, hold, render. Pure but for the ledger it asks.
#pragma once

#include "app/push.hpp"
#include "app/site/session.hpp"
#include "app/site/site.hpp"

#include <string>

namespace banpush {

struct Decision {
  Plan plan;
  std::optional<InStep> in_step; // as the device will be once the plan is carried out, where that can be followed
};

// Throws Error (Config, Device) where the change cannot be said in the driver's words.
Decision make_plan(Site &site, const Session &session, const Installed &installed, const Order &order);

// Lists that the device, as last seen, has not got.
std::set<std::string> known_to_lack(Site &site, const Device &device);

// The same up to the words: what is wanted, changed, left out and held, without a script or its hash.
// `driver` as it is used on the device (Session::driver).
Decision make_decision(Site &site, const Device &device, const Driver &driver, const Facts &facts, Installed installed, const Order &order);
// The families whose lists are looked at on a device: those of its policy, and any of which the ledger knows entries there, which
// are to be taken away.
std::set<Family> families_used(Site &site, const Device &device);
// Those, and any for which `setup` made something there: what a removal and a flush look at, whatever the policy leaves out today.
std::set<Family> families_to_clear(Site &site, const Device &device);

// The plan for what has changed since the device was in step, which it then is again; nothing where the whole has to be
// computed anew. It costs what the change does, however much the device holds.
std::optional<Plan> make_part(Site &site, const Session &session, Kept &kept, const Order &order);

// Whether entries carry numbers: what was read a while ago may be somebody else's number by now.
bool has_numbers(const Driver &driver);

// The entries of each family that a device may hold.
Capacity capacity_of(const Device &device);

// What the device held when it was last read, by the ledger; and when that was (empty: never).
struct FromLedger {
  Installed installed;
  std::string read_at;
};
FromLedger from_ledger(Site &site, const Device &device);

// What the ledger knows to stand there; asked only where a list of the driver is renumbered by its platform.
std::vector<BlockIn> known_to_ledger(Site &site, const Device &device);

} // namespace banpush
