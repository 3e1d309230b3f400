#include "app/state/instant.hpp"

#include <cmath>
#include <cstdlib>
#include <ctime>
#include <fstream>

#include <fmt/format.h>
#include <sys/timex.h>

namespace banpush {

namespace {

// By so much a clock may be set right meanwhile without anybody being told.
constexpr Seconds small_step = 60;

// Both files, not the calls: what changes the time of a process for a test or a container leaves them alone.
std::string boot_of_kernel() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string text;
  std::getline(file, text);
  return text;
}

double uptime_now() {
  std::ifstream file("/proc/uptime");
  double seconds = -1;
  return file >> seconds ? seconds : -1;
}

bool clock_is_synchronised() {
  timex clock{};
  return ::adjtimex(&clock) != TIME_ERROR && (clock.status & STA_UNSYNC) == 0;
}

std::string length(Seconds seconds) {
  const Seconds positive = std::abs(seconds);
  if (positive >= 2 * 86400)
    return fmt::format("{} days", positive / 86400);
  if (positive >= 2 * 3600)
    return fmt::format("{} hours", positive / 3600);
  return positive >= 120 ? fmt::format("{} minutes", positive / 60) : fmt::format("{} s", positive);
}

bool of_one_boot(const Instant &one, const Instant &other) {
  return !one.boot.empty() && one.boot == other.boot && one.uptime >= 0 && other.uptime >= one.uptime;
}

} // namespace

Instant instant_now() { return {static_cast<std::int64_t>(std::time(nullptr)), boot_of_kernel(), uptime_now(), clock_is_synchronised()}; }

std::optional<Seconds> seconds_between(const Instant &earlier, const Instant &later) {
  if (of_one_boot(earlier, later))
    return static_cast<Seconds>(std::floor(later.uptime - earlier.uptime));
  const Seconds seconds = later.wall - earlier.wall;
  return seconds >= 0 ? std::optional{seconds} : std::nullopt;
}

Age age_of(const Instant &decided, const Instant &now) {
  const Seconds by_clock = now.wall - decided.wall;
  if (of_one_boot(decided, now)) {
    const Seconds passed = *seconds_between(decided, now), step = by_clock - passed;
    if (std::abs(step) <= small_step)
      return {passed, {}};
    return {0, fmt::format("this host's clock was {} {} than it is now", length(step), step > 0 ? "earlier" : "later")};
  }
  if (by_clock < 0)
    return {0, fmt::format("this host's clock was {} later than it is now", length(by_clock))};
  if (decided.synchronised && now.synchronised)
    return {by_clock, {}};
  if (decided.boot.empty() || now.boot.empty() || decided.boot == now.boot) // its uptime is not known
    return {0, fmt::format("it was decided {} ago by clocks of which one was not set right", length(by_clock))};
  return {0, fmt::format("it was decided before this host was started, {} ago by clocks of which one was not set right", length(by_clock))};
}

} // namespace banpush
