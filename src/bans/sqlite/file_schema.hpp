// The schema of a file of ours, numbered by PRAGMA user_version: older ones are brought up, newer ones refused.
#pragma once

#include "bans/sqlite/sqlite.hpp"

#include <span>

namespace banpush {

// From one number to the next; the first from nothing, or from a file of before there were numbers.
using Upgrade = void (*)(const Database &database);

// Throws as the database does; also where the file is of a newer banpush, which is left as it is.
void bring_up(const Database &database, std::span<const Upgrade> upgrades);

// Whether a table has this column.
bool has_column(const Database &database, std::string_view table, std::string_view column);

} // namespace banpush
