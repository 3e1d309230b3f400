// How long one ban lasts, by the rules of its jail: the same for selection, `list`, `ban` and `prune`.
#pragma once

#include "core/policy/policy.hpp"

#include <optional>
#include <string_view>

namespace banpush {

// The rule for a jail: its exact name first, then the longest wildcard; nothing where none fits.
const JailRule *rule_for(const Policy &policy, std::string_view jail) noexcept;

// How long policy holds a ban of this jail: the jail's own time, else the default.
Seconds length_for(const Policy &policy, std::string_view jail) noexcept;

// What one row has still to run: the jail's time, else what fail2ban passed, else the default; nothing
// when it is over or revoked. Escalation, which needs the other rows, is not in it.
std::optional<Seconds> seconds_left(const RawBan &row, const Policy &policy) noexcept;

} // namespace banpush
