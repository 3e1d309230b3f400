// How long one ban lasts, by the rules of its jail: the same for selection, `list`, `ban` and `prune`.
#pragma once

#include "core/policy/policy.hpp"

#include <limits>
#include <optional>
#include <string_view>

namespace banpush {

// The rule for a jail: its exact name first, then the longest wildcard; nothing where none fits.
const JailRule *rule_for(const Policy &policy, std::string_view jail) noexcept;

// How long policy holds a ban of this jail: the jail's own time, else the default.
Seconds length_for(const Policy &policy, std::string_view jail) noexcept;

// What policy makes of that length for the nth ban of an address within escalate.window.
Seconds escalated(const std::optional<Escalate> &escalate, Seconds bantime, unsigned nth) noexcept;

// More than any address has bans: the longest that a length can become.
inline constexpr unsigned most_bans = std::numeric_limits<unsigned>::max();

// What one row has still to run, being the nth ban of its address within escalate.window (places() in repeats.hpp): the
// jail's time, else what fail2ban passed, else the default; nothing when it is over or revoked.
std::optional<Seconds> seconds_left(const RawBan &row, const Policy &policy, unsigned nth) noexcept;

} // namespace banpush
