// How long policy holds the ban that a new one may extend, where other bans of the address make that longer.
#pragma once

#include "bans/ban_table.hpp"
#include "core/policy/policy.hpp"

namespace banpush {

// The ban with `lasts` as it is for the newest row that says the same; unchanged where nothing escalates. Throws as
// BanTable::about() does.
NewBan with_escalation(NewBan ban, const Policy &policy, BanTable &table);

} // namespace banpush
