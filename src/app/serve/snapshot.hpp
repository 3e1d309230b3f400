// What the devices' threads work from: the tables as they were read once. Immutable but for its own caches.
#pragma once

#include "app/site.hpp"
#include "core/config.hpp"

#include <chrono>
#include <cstdint>

namespace banpush {

using Clock = std::chrono::steady_clock;

struct Snapshot {
  // `made` is the configuration with the tables' allowlists in it.
  Snapshot(std::uint64_t its_number, Config made, Bans bans, std::vector<NamedPrefix> protect)
      : number(its_number), config(std::move(made)), state(config.state), site(config, state, std::move(bans), std::move(protect)) {}

  std::uint64_t number; // grows
  Config config;
  State state;
  Site site; // over the two above
  Clock::time_point taken = Clock::now();
  bool only_adds = false; // the tables are not to be had: the bans are those that wait in the spool
};

} // namespace banpush
