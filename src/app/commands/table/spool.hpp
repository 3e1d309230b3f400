// The verb that looks at the spool.
#pragma once

#include "app/world/world.hpp"

#include <string>
#include <vector>

namespace banpush {

struct SpoolOptions {
  enum class Action { List, Drop, Retry } action = Action::List;
  std::vector<std::string> lines; // numbers, as they were given
  bool refused = false;           // all that was set aside
  bool waiting = false;           // drop: what waits may go, too
};
int spool(const Settings &settings, const SpoolOptions &options);

} // namespace banpush
