// A pass over devices as the verbs run it: with the turn, the trace, and what is said at the end.
#pragma once

#include "app/push.hpp"
#include "app/state/turn.hpp"
#include "app/world/world.hpp"

#include <functional>

#include <nlohmann/json.hpp>

namespace banpush {

// The dialogue with devices into the file of --trace (mode 0600), or nowhere. Throws Error (Usage) where
// it cannot be written.
Trace trace_to(const std::string &path);

// Loads the table, runs the order over the devices (all when there are none), in turn with other passes; over sessions that
// are kept, where there are some.
Report run_pass(const Settings &settings, Config &config, const Names &devices, const Order &order, Sessions *sessions = nullptr);

// Pushes that were asked for (State::request) beyond the one that was served last, all of them in one
// pass, as often as new ones come. Nothing when somebody else has the turn, who will see them.
std::optional<Report> push_requested(const Settings &settings, const Config &config, long served);

// The same with the turn held already.
std::optional<Report> push_requested(const Settings &settings, const Config &config, long served, Turn turn);

// One pass over all devices, by the service if it has come up meanwhile, and what it came to on each: "seconds", and in
// "devices" whether a block over the prefix is in force there ("shows", null where it was not read), as the service itself answers.
nlohmann::json push_and_show(const Settings &settings, const Config &config, const Prefix &prefix);

} // namespace banpush
