// Where one address stands on one device, told without asking the device: by what was last read there, what a push would do
// now, and what stands against that.
#pragma once

#include "app/site/site.hpp"
#include "core/policy/explain.hpp"

#include <string>

namespace banpush {

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

OnDevice on_device(Site &site, const Device &device, const Explanation &explanation, const Prefix &prefix);

} // namespace banpush
