// The params that a driver declares: what a device may give them.
#pragma once

#include "core/driver/driver.hpp"

#include <optional>
#include <string>

namespace banpush {

// What is wrong with the text as a value of the param; nothing where it is one.
std::optional<std::string> unfit_as_param(const Param &param, const std::string &text);

} // namespace banpush
