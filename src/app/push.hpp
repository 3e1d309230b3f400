// The one line of which every verb is a prefix: fetch, open, read, select, diff, render, guard, apply,
// read again, prove, record. Read this first.
#pragma once

#include "app/report.hpp"
#include "app/site.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace banpush {

// How far a pass goes.
enum class Depth {
  Offline, // up to the guard, against the ledger instead of the device: no connection
  Plan,    // up to the guard: nothing is sent
  Push,    // to the end
};

struct Order {
  Intent intent = Intent::Push;
  Depth depth = Depth::Push;
  std::set<std::string> forced; // limits lifted for this run, by name
  std::string actor;
  std::map<std::string, std::string> hashes; // device → hash of a saved plan; a device whose plan differs is refused
};

// One device, start to end. Never throws for what a device does: that is in the report.
DeviceReport push_device(Site &site, const Device &device, const Order &order);

// Many devices, side by side, bounded by serve.workers; the report keeps their order.
Report push_devices(Site &site, const std::vector<const Device *> &devices, const Order &order);

} // namespace banpush
