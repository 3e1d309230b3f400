// Devices on which entries of ours stand by the ledger, though the configuration no longer names them: nobody keeps them up,
// nobody takes them away.
#pragma once

#include "app/state/state.hpp"
#include "app/world/world.hpp"
#include "settings/config.hpp"

#include <string>
#include <vector>

namespace banpush {

std::vector<State::Known> no_longer_configured(State &state, const Config &config);

// One line for people: what stands where, and how it is taken away.
std::string what_to_put_back(const State::Known &device);

// load_for_rescue(), which says of such a device how it is put back. Throws Error (Usage, Config).
Config load_for_rescue_of(const Settings &settings, const std::vector<std::string> &names);

} // namespace banpush
