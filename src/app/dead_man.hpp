// A change that the device takes back by itself unless it is confirmed. Until it has decided, nothing that it shows lasts: so
// it is written down before the change is sent, and the device is left alone where it never came to the confirm.
#pragma once

#include "app/probes.hpp"
#include "app/site/session.hpp"
#include "app/site/site.hpp"
#include "app/words/report.hpp"
#include "core/plan/plan.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace banpush {

// Throws Error (Device) at the first complaint. `what` names the steps.
void send_all(Session &session, const std::vector<Step> &steps, const char *what, std::string &words);

// For messages: when the device has returned.
std::string time_to_confirm(const Session &session);

// Which dead-man a device has, as it was learnt at open, and whether a change goes under it: `confirm_when` says of which risk
// (as risk_of() names it; empty: none).
DeadManUse dead_man_use(const Session &session, const Device &device, const std::string &risk);
// What render() needs to know for it.
Rendering rendering_for(const Session &session, const Facts &facts, const DeadManUse &use);

// Why the device's dead-man cannot be begun now, as the driver finds out by asking; empty: nothing is against it, or the script
// needs none. Throws Error (Connect).
std::string objection_to_trial(Session &session, const Script &script);

// Written down before the step that makes the device's time to confirm run, and again behind it: the first, where it is a
// timer, else the commit. Of any other step nothing.
void begin_dead_man(Site &site, const Session &session, const Script &script, const Step &step);

// What a step that was refused leaves to be taken back. Where it was to make a timer run, and did not, one that runs is
// somebody else's: nothing waits to be confirmed then.
const std::vector<Step> &steps_back(Site &site, const Session &session, const Script &script, const Step &step, const Delivery &refused);

// Whether a device shows what it held before a change.
using AsBefore = std::function<bool(const Installed &now)>;
AsBefore as_before(const Plan &plan);        // of a plan of a part, as far as the change goes. It refers to the plan
AsBefore as_before(const Installed &before); // all of it, and how its lists stand. It refers to what it is given

// After a change that the device refused: where it shows what it held before, nothing waits to be confirmed.
void end_dead_man_where_undone(Site &site, const std::string &device, const AsBefore &is_as_before, const Installed &now);

// A change that nobody confirmed, whose time is not over; by this host's state file.
std::optional<State::Unconfirmed> dead_man_of(Site &site, const Device &device);
std::string text_of(const State::Unconfirmed &unconfirmed);

// Before a change, where one waits to be confirmed: waits as long as that takes, and says so; throws Error (Device) where that
// is longer than a person is made to wait.
void wait_for_dead_man(Site &site, const Device &device, const std::function<void(const std::string &)> &say);

// What is not confirmed is taken back: at once where the device knows how, else when its time runs out. Says
// which of them, as read back; empty where nothing waits to be confirmed.
std::string undo(Site &site, Session &session, const Script &script, const AsBefore &is_as_before, std::string &words);

// That the device can be reached, by another session, and that what answered before the change does so now. Throws Error
// (Connect) with what does not. Returns what was proved, by name.
std::vector<std::string> prove(Site &site, const Session &session, Probes &probes);

// With a dead-man running: what prove() asks for, then the change is confirmed through the session; without that proof it is
// cancelled, or rolls back when its time runs out. Throws Error (Connect, Device).
void confirm(Site &site, Session &session, const Script &script, const AsBefore &is_as_before, Probes &probes, DeviceReport &report);

// Longer than any device waits to be confirmed that a person is made to wait for.
inline constexpr Seconds longest_left_alone = 15 * minute;

} // namespace banpush
