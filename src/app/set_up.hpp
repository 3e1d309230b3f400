// The lists and bindings on a device: what `setup` sends, and what the service sends when it has gone from this host.
#pragma once

#include "app/probes.hpp"
#include "app/site/session.hpp"
#include "app/site/site.hpp"
#include "app/words/report.hpp"

#include <string>
#include <vector>

namespace banpush {

// A setup or its removal for one device.
struct SetupChange {
  Stage stage = Stage::Setup;
  Script script;       // empty: nothing lacks
  Installed before;    // as the device was read for it
  DeadManUse dead_man; // and whether it goes under that
  std::string undo;    // the lines with which a person at the device's console takes back what a setup binds; empty: none are known
};

// What becomes of a rule of ours that stands and drops, where an earlier rule of somebody else may let packets through.
enum class Doubtful { Moved, Left };

// For a session that was opened for this stage. Throws Error (Guard) where the driver refuses, with its reasons.
SetupChange setup_change(Session &session, Stage stage, Doubtful doubtful);

// Sends it, written down like a push. Where the device takes it back by itself, it is proved that the device can be reached, and
// confirmed. The report gets what the device said and what was proved. Throws Error (Connect, Device), which says what becomes of it.
void send_setup(Site &site, Session &session, const SetupChange &change, Probes &probes, const std::string &who, DeviceReport &report);
// Behind it, where nothing was to be confirmed: the same proof of a device that is not this host. The session ends, because a
// device may have no other. Throws Error (Connect), which says how a person takes it back.
void prove_setup(Site &site, Session &session, const SetupChange &change, Probes &probes, DeviceReport &report);

// Sends the steps of one stage that carries no entries, written down like a push. Throws Error (Device) at the first complaint.
void send_stage(Site &site, Session &session, const std::vector<Step> &steps, const char *intent, const std::string &who);

// After a setup, as soon as the device shows what it accepted: what still lacks, for people (empty when every list stands and
// is in force), and what it shows.
struct Missing {
  std::string text;
  Installed installed;
};
Missing missing_after(Session &session);
// After a removal: waits until the device shows no list any more, for the driver's `settle` at most; what comes next would read
// what was there before. A list that it shows still; empty: none, or it shows at once what it does. Throws as Session::read().
std::string standing_after(Session &session);

// All of it on a device that has lost what was set up. Throws Error as the others, and where something still lacks.
void set_up_again(Site &site, const Device &device, const std::string &who);

} // namespace banpush
