// What the service tells systemd: sd_notify(3).
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace banpush {

void notify_ready(const std::string &status);
void notify_reloading();
void notify_stopping();
void notify_status(const std::string &status);
void notify_alive();

// How often systemd wants to hear that we are alive; nothing where it does not ask.
std::optional<std::chrono::microseconds> watchdog_interval();

} // namespace banpush
