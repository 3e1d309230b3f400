// How many descriptors the configured devices need, and how many this process may have.
#pragma once

#include "settings/config.hpp"

#include <cstddef>
#include <string>

namespace banpush {

// At the most at one time: a session with each device and its proof's beside it, the tables, the files, the callers.
std::size_t descriptors_needed(const Config &config);

// Raises the soft limit of RLIMIT_NOFILE to the hard one, and says how many are allowed then.
std::size_t raise_descriptor_limit() noexcept;

// For the log: how many may be needed, how many are allowed, and what to do where that is too few.
std::string descriptor_text(std::size_t needed, std::size_t allowed);

} // namespace banpush
