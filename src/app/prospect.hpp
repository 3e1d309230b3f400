// What a push would do to a device now, told without asking it: by what the state file knows.
#pragma once

#include "app/state/condition.hpp"
#include "app/state/state.hpp"
#include "settings/config.hpp"

#include <string>
#include <vector>

namespace banpush {

struct Prospect {
  std::vector<std::string> obstacles; // what stands against any push
  std::vector<Condition> conditions;  // of the last attempt

  // The condition of a list that does not block; null where none is known.
  const Condition *list(const std::string &name) const;
  // What becomes of what is wanted in the list and not there: "the next push brings it", or why not.
  std::string of(const std::string &list) const;
};

// With the lock of the state held.
Prospect prospect_of(State &state, const Config &config, const Device &device);

} // namespace banpush
