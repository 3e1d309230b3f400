// Lengths of time as people write them in configuration and on the command line.
#pragma once

#include "core/bans/ban.hpp"

#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace banpush {

// `90s 15m 1h 1d 2w permanent`: one whole number and one unit. `permanent` becomes banpush::permanent.
tl::expected<Seconds, Problem> parse_duration(std::string_view text);

// The same and `500ms`, in milliseconds; `permanent` is a Problem.
tl::expected<std::chrono::milliseconds, Problem> parse_milliseconds(std::string_view text);

} // namespace banpush
