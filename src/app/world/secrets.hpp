// Secrets, read just before use and kept no longer.
#pragma once

#include "settings/config.hpp"

#include <string>

namespace banpush {

// Empty where the configuration names none. Throws Error (Config) where it cannot be had.
std::string secret(const Secret &secret);

} // namespace banpush
