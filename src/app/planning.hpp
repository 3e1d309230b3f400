// From what a device holds to its plan: select, diff, hold, render. Pure but for the ledger it asks.
#pragma once

#include "app/session.hpp"
#include "app/site.hpp"

#include <set>
#include <string>

namespace banpush {

// Throws Error (Config, Device) where the change cannot be said in the driver's words.
Plan make_plan(Site &site, const Session &session, const Installed &installed, Intent intent, const std::set<std::string> &forced);

} // namespace banpush
