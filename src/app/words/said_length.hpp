// A length of time as a person says it behind an option.
#pragma once

#include "core/bans/ban.hpp"

#include <string>

namespace banpush {

// `90d`: a number with its unit, or `permanent`. A bare number is refused here as in the configuration, because nobody can
// tell 90 seconds from 90 days. Throws Error (Usage) naming the option.
Seconds said_length(const std::string &option, const std::string &text);

} // namespace banpush
