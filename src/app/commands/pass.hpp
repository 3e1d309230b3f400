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

// Pushes that were asked for (State::request) beyond the one that was served last, all of them in one
// pass, as often as new ones come. Nothing when somebody else has the turn, who will see them.
std::optional<Report> push_requested(const Settings &settings, const Config &config, long served);

// Asks for a push, as a ban does, and does it unless somebody else has the turn.
std::optional<Report> push_in_turn(const Settings &settings, const Config &config);

} // namespace banpush
