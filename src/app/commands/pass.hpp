// A pass over devices as the verbs run it: with the turn, the trace, and what is said at the end.
#pragma once

#include "app/commands.hpp"
#include "app/push.hpp"

#include <functional>

namespace banpush {

// The dialogue with devices into the file of --trace (mode 0600), or nowhere. Throws Error (Usage) where
// it cannot be written.
Trace trace_to(const std::string &path);

// Loads the table, runs the order over the devices (all when there are none), in turn with other passes.
Report run_pass(const Settings &settings, Config &config, const Names &devices, const Order &order);

// A push that is asked for by a ban: whoever has the turn works for all who ask meanwhile. Nothing when
// somebody else has it and will see the request.
std::optional<Report> push_in_turn(const Settings &settings, Config &config, const std::string &actor);

} // namespace banpush
