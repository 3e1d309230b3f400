// The room on a device that keeps what a limit does not let go.
#pragma once

#include "core/plan/fitting.hpp"
#include "core/plan/plan.hpp"

#include <vector>

namespace banpush {

// What selection wants has room where all that it does not want goes. What is held stands all the same: additions beyond the
// room beside it are taken out of the change, the least worthwhile first, and named in `difference.left_out`. An addition
// that takes the place of something that goes stays in.
void keep_to_room(Difference &difference, const Driver &driver, Capacity capacity, const Installed &installed,
                  const std::vector<Wanted> &wanted);

// A list whose entries may not overlap takes nothing over an entry that stays there.
void keep_apart(Difference &difference, const Driver &driver, const Installed &installed);

} // namespace banpush
