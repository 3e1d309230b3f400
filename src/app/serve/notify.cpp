#include "app/serve/notify.hpp"

#include <cstdint>
#include <ctime>
#include <fmt/format.h>
#include <systemd/sd-daemon.h>

namespace banpush {

// Without NOTIFY_SOCKET in the environment each of these does nothing.
void notify_ready(const std::string &status) { sd_notify(0, fmt::format("READY=1\nSTATUS={}", status).c_str()); }

void notify_reloading() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  sd_notify(0, fmt::format("RELOADING=1\nMONOTONIC_USEC={}", static_cast<long long>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000).c_str());
}

void notify_stopping() { sd_notify(0, "STOPPING=1"); }

void notify_status(const std::string &status) { sd_notify(0, fmt::format("STATUS={}", status).c_str()); }

void notify_alive() { sd_notify(0, "WATCHDOG=1"); }

std::optional<std::chrono::microseconds> watchdog_interval() {
  std::uint64_t microseconds = 0;
  if (sd_watchdog_enabled(0, &microseconds) <= 0)
    return std::nullopt;
  return std::chrono::microseconds(microseconds);
}

} // namespace banpush
