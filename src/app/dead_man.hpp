// A change that the device takes back by itself unless it is confirmed. Until it has decided, nothing that it shows lasts: so
// it is written down before the change is sent, and the device is left alone where it never came to the confirm.
#pragma once

#include "app/site/session.hpp"
#include "app/site/site.hpp"
#include "core/plan/plan.hpp"

#include <optional>
#include <string>
#include <vector>

namespace banpush {

// Throws Error (Device) at the first complaint. `what` names the steps.
void send_all(Session &session, const std::vector<Step> &steps, const char *what, std::string &words);

// For messages: when the device has returned.
std::string time_to_confirm(const Session &session);

// Written down before the step that makes the device's time to confirm run, and again behind it: the first, where it is a
// timer, else the commit. Of any other step nothing.
void begin_dead_man(Site &site, const Session &session, const Script &script, const Step &step);

// After a change that the device refused: where it shows what it held before, nothing waits to be confirmed.
void end_dead_man_where_undone(Site &site, const Plan &plan, const Installed &now);

// A change that nobody confirmed, whose time is not over; by this host's state file.
std::optional<State::Unconfirmed> dead_man_of(Site &site, const Device &device);
std::string text_of(const State::Unconfirmed &unconfirmed);

// What is not confirmed is taken back: at once where the device knows how, else when its time runs out. Says
// which of them, as read back; empty where nothing waits to be confirmed.
std::string undo(Site &site, Session &session, const Plan &plan, std::string &words);

// With a dead-man running: a second session proves that the device can be reached, then the change is
// confirmed through the first; without that proof it is cancelled, or rolls back when its time runs out.
// Throws Error (Connect, Device).
void confirm(Site &site, Session &session, const Plan &plan, std::string &words);

} // namespace banpush
