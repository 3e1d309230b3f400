// How what was just recorded comes to the devices: the service is told, or a process of its own is started. No device is
// spoken to from here.
#pragma once

#include "app/request/doorbell.hpp"
#include "app/world/world.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace banpush {

// Asks for a push, as a ban does: of the service, else of the process that has the turn, else of one that is started
// for it and works behind our back. Returns at once.
void ask_for_push(const Settings &settings, const Config &config);

// Says on whom one waits, and for how long at most: for ask_service().
StillWaiting saying_whom(const Settings &settings, const Config &config, std::chrono::seconds patience);

// What came of a push that was waited for, of each device.
struct Reached {
  std::string device, outcome, error;
  std::optional<bool> shows; // whether a block over the prefix in question is in force there; nothing: it was not read since
  std::string why;           // where it does not show it, or by what of somebody else's it does
  bool held = false;         // a guard keeps it from the device
  bool paused = false;
};
struct Waited {
  std::vector<Reached> devices;
  double seconds = 0;
};
// Has it pushed, by the service or by a process of its own, and waits for the devices. Throws Error (Table, Connect).
Waited push_and_wait(const Settings &settings, const Config &config, const Prefix &prefix);

} // namespace banpush
