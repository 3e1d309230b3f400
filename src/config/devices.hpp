// One device as the configuration has it, and whether it goes together with its driver.
#pragma once

#include "config/document/document.hpp"
#include "settings/config.hpp"

#include <string>
#include <vector>

namespace banpush {

// What a device, group or `defaults` mapping is read as; only a device has an address and groups.
enum class Standing { Device, Group };

// What is wrong with a device: `essential` is all it takes to reach it and undo things there.
struct DeviceProblems {
  Problems &essential;
  Problems &other;
};

// Everything but policy and limits. Params are taken as text and not yet checked.
Device device_of(const Node &merged, const std::string &name, Standing standing, DeviceProblems problems, const std::string &folder);

// What only the driver can tell: params, transport, budget, families, save. `merged` gives the places,
// `own` (the device's, its groups' and the defaults' levels laid over each other) what was asked for on purpose.
void check_device(Device &device, const Driver &driver, const Node &merged, const Node &own, DeviceProblems problems,
                  const std::string &folder, std::vector<std::string> &notes);

} // namespace banpush
