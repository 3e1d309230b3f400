// The lists and bindings on a device: what `setup` sends, and what the service sends when it has gone from this host.
#pragma once

#include "app/site/session.hpp"
#include "app/site/site.hpp"

#include <string>
#include <vector>

namespace banpush {

// What is to be sent to a session that was opened for this stage (Setup, Unsetup); empty: nothing lacks. Throws Error (Guard)
// where the driver refuses, with its reasons.
std::vector<Step> setup_steps(Session &session, Stage stage);
std::string text_of(const std::vector<Step> &steps);

// Sends the steps of one stage that carries no entries, written down like a push. Throws Error (Device) at the first complaint.
void send_stage(Site &site, Session &session, const std::vector<Step> &steps, const char *intent, const std::string &who);

// After a setup, as soon as the device shows what it accepted: what still lacks, for people; empty when every list stands and
// is in force.
std::string missing_after(Session &session);

// All of it on a device that has lost what was set up. Throws Error as the others, and where something still lacks.
void set_up_again(Site &site, const Device &device, const std::string &who);

} // namespace banpush
