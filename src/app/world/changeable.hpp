// Whether somebody may change what decides over what banpush does (docs/security.md).
#pragma once

#include "settings/config.hpp"

#include <string>
#include <vector>

namespace banpush {

// What others than root, the service's user and whoever asks may change: the configuration, drivers, templates, allow files,
// certificates, host keys and programs that are run. A line each, with the command that mends it. What cannot be looked at is left out.
std::vector<std::string> changeable_by_others(const Config &config);

} // namespace banpush
