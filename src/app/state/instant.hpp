// When something was decided, by the clocks of this host, of which the one that people read may be wrong.
#pragma once

#include "core/bans/ban.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace banpush {

struct Instant {
  std::int64_t wall = 0;     // seconds since the epoch, as this host's clock had it
  std::string boot;          // which start of the kernel (proc_sys_kernel(5), random/boot_id); empty: not known
  double uptime = -1;        // seconds since then, which no setting of the clock moves (proc_uptime(5)); below zero: not known
  bool synchronised = false; // whether the kernel was told that the clock is right (adjtimex(2))
};
Instant instant_now();

// Seconds between two: by the uptime where both are of one start of the kernel, else by the clock; nothing where that says
// that the later one was earlier.
std::optional<Seconds> seconds_between(const Instant &earlier, const Instant &later);

// How long ago something was decided, as far as that is known.
struct Age {
  Seconds seconds = 0;
  std::string correction; // where the clock cannot be followed, why: its time then begins now, with 0 s
};
Age age_of(const Instant &decided, const Instant &now);

} // namespace banpush
