// The bans as a push would have them: those of the tables, and those that wait in the spool for a table.
#pragma once

#include "app/world/spool.hpp"

namespace banpush {

// What waits is added; where it cannot be read, a note says so.
void add_waiting_if_readable(Fetched &fetched, const Config &config, Spool &spool);

// For verbs that only look: nothing is taken to the tables. What waits, and why, is a note. Throws as fetch_rows() does.
Fetched fetch_with_waiting(Config &config);

} // namespace banpush
