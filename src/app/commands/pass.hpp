// A pass over devices as the verbs run it: with the turn, the trace, and what is said at the end.
#pragma once

#include "app/commands.hpp"
#include "app/push.hpp"
#include "app/turn.hpp"

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

// The same with the turn held already.
std::optional<Report> push_requested(const Settings &settings, const Config &config, long served, Turn turn);

// Asks for a push, as a ban does: of the service, else of the process that has the turn, else of one that is started
// for it and works behind our back. Returns at once.
void ask_for_push(const Settings &settings, const Config &config);

// What came of a push that was waited for, of each device.
struct Reached {
  std::string device, outcome, error;
  bool shows = false; // a block over the prefix in question is in force there
};
struct Waited {
  std::vector<Reached> devices;
  double seconds = 0;
};
// Pushes, by the service or here, and waits for the devices. Throws Error (Table, Connect).
Waited push_and_wait(const Settings &settings, const Config &config, const Prefix &prefix);

} // namespace banpush
