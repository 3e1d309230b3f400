// A driver's templates against its own patterns: what is written must be readable, before the night of an attack.
#pragma once

#include "core/reading/parse.hpp"

#include <string>
#include <vector>

namespace banpush {

// What is wrong when a host, a network and, where a list takes them, a service are added to each list of the driver and taken away
// again: a line that no `script` pattern knows, or one that says something else. `values` are the device's. Empty: all is well.
std::vector<std::string> rehearse(const Driver &driver, const Values &values);

} // namespace banpush
