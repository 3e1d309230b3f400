// What the devices' threads work from: the tables as they were read once, kept up by what came since.
#pragma once

#include "app/site/site.hpp"
#include "settings/config.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace banpush {

using Clock = std::chrono::steady_clock;

struct Snapshot {
  // `made` is the configuration with the tables' allowlists in it; `times` and `read` as Site takes them.
  Snapshot(Config made, Bans bans, std::vector<NamedPrefix> protect, std::optional<std::vector<std::uint32_t>> times = std::nullopt,
           Clock::time_point read = Clock::now())
      : config(std::move(made)), state(config.state), site(config, state, std::move(bans), std::move(protect), std::move(times), read),
        taken(read) {}

  Config config;
  State state;
  Site site; // over the two above
  Clock::time_point taken;
  bool only_adds = false; // the tables are not to be had: the bans are those that wait in the spool
};

// A state of the tables that devices are brought to. One snapshot stands for several, as it is kept up.
struct Moment {
  std::shared_ptr<Snapshot> snapshot; // null: none yet
  std::uint64_t number = 0;           // grows
};

} // namespace banpush
