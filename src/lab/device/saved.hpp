// A running configuration as an operator saved it, typed into an emulated device.
#pragma once

#include "lab/device/emulated.hpp"

#include <string>

namespace banpush::lab {

// Types what the device knows of it straight into its running configuration; what it does not know goes to its `unread`.
void take_over(Emulated &device, const std::string &text);

} // namespace banpush::lab
