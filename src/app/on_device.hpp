// Where one address stands on one device, told without asking the device: by what was last read there, what a push would do
// now, and what stands against that.
#pragma once

#include "app/site/site.hpp"
#include "app/state/condition.hpp"
#include "core/policy/explain.hpp"

#include <string>
#include <vector>

namespace banpush {

// What a push would do to a device now, by what the state file knows of it.
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

struct OnDevice {
  std::string device;
  // present: in force when it was last read. `not in force`: it stood then, in a list that does not block. absent. `left out`:
  // policy, budget or a guard keeps it from the device. unknown: the device was never read, or not since a push that was to
  // change just this.
  std::string state;
  std::string reason;
  std::string since, until, read_at; // local times; may be empty
  bool is_known = true;              // false: the state file cannot be used
};

// `against`: what stands against a push to any device.
OnDevice on_device(Site &site, const Device &device, const Explanation &explanation, const Prefix &prefix,
                   const std::vector<std::string> &against);

} // namespace banpush
