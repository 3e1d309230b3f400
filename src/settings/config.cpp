#include "settings/config.hpp"

#include <algorithm>

namespace banpush {

const Device *Config::device(std::string_view name) const noexcept {
  const auto found = std::find_if(devices.begin(), devices.end(), [&](const Device &device) { return device.name == name; });
  return found == devices.end() ? nullptr : &*found;
}

const char *word(HttpSettings::Offer offer) noexcept {
  switch (offer) {
  case HttpSettings::Offer::Feed: return "feed";
  case HttpSettings::Offer::Metrics: return "metrics";
  case HttpSettings::Offer::Page: return "page";
  }
  return "?";
}

} // namespace banpush
