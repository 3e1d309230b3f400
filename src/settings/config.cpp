#include "settings/config.hpp"

#include <algorithm>

namespace banpush {

const Device *Config::device(std::string_view name) const noexcept {
  const auto found = std::find_if(devices.begin(), devices.end(), [&](const Device &device) { return device.name == name; });
  return found == devices.end() ? nullptr : &*found;
}

} // namespace banpush
