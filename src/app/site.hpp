// What a pass knows before it meets a device: configuration, bans, protected set, memory.
#pragma once

#include "app/state.hpp"
#include "core/config.hpp"
#include "core/plan.hpp"
#include "transport/transport.hpp"

#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace banpush {

class Site {
public:
  // `bans` is nothing where only the devices are concerned (flush, show without a table).
  Site(const Config &config, State &state, Bans bans, std::vector<NamedPrefix> protect);

  const Config &config() const noexcept { return config_; }
  const Bans &bans() const noexcept { return bans_; }
  State &state() noexcept { return state_; }
  std::mutex &state_lock() noexcept { return state_lock_; }
  // How much older every row is by now than its age says.
  double seconds_since_fetch() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - fetched_).count(); }

  // The protected set as one device needs it: what was found here, what its policy adds, and the
  // address it sees us from.
  std::vector<NamedPrefix> protect_for(const Device &device, const Facts &facts) const;
  // Candidates for a device's policy; devices of equal policy share one computation.
  const Candidates &candidates_for(const Device &device, const Facts &facts);

  Credentials credentials(const Device &device) const; // throws Error (Config) where a secret cannot be had
  Trace trace;                                         // set for --trace

private:
  struct Shared {
    Policy policy;
    std::vector<NamedPrefix> protect;
    std::once_flag computed;
    Candidates candidates;
  };

  const Config &config_;
  State &state_;
  std::mutex state_lock_, shared_lock_;
  std::chrono::steady_clock::time_point fetched_ = std::chrono::steady_clock::now();
  Bans bans_;
  std::vector<NamedPrefix> protect_;
  std::deque<Shared> shared_;
};

} // namespace banpush
