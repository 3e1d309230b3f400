// What `ban --wait` and `unban --wait` say of one device: whether it blocks an address after a push, and why not.
#pragma once

#include "app/words/report.hpp"
#include "core/address/prefix.hpp"

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace banpush {

struct Blocking {
  std::optional<bool> shows; // nothing: it was not read since
  std::string why;           // where it does not block, or somebody else's entry does; may be empty
  bool held = false;         // a guard keeps what is wanted from the device, or says that it is not in force there
};

// By the report of a push of which a whole reading is part; of one without a plan only what became of it.
Blocking blocking_of(const DeviceReport &report, const Prefix &prefix);

// Of a device of the service, or of a push by another process: `device`, `outcome`, `shows`, `why`, `held`, `paused`, `error`.
nlohmann::json to_json(const DeviceReport &report, const Blocking &blocking);

} // namespace banpush
