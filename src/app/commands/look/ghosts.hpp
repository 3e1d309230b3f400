#pragma once

#include "app/world/world.hpp"

namespace banpush {

// Entries on devices that no table wants there, and bans that are not on them, by what was read last; no device is asked.
// Returns the exit code.
int ghosts(const Settings &settings, const Names &devices);

} // namespace banpush
