#include "core/plan/risk.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace banpush {

std::string risk_of(const Change &change, std::size_t installed, const Limits &limits) {
  if (!change.renumber.empty())
    return fmt::format("the last entry of list {} moves", change.renumber.front().list);
  const auto network = std::find_if(change.add.begin(), change.add.end(), [](const Addition &one) { return !one.block.prefix.is_host(); });
  if (network != change.add.end())
    return "a network, " + network->block.prefix.text();
  if (installed == 0 && !change.add.empty())
    return "the first entries on the device";
  if (const std::size_t entries = change.add.size() + change.remove.size(); entries > limits.floor)
    return fmt::format("{} entries, more than limits.floor ({})", entries, limits.floor);
  return {};
}

} // namespace banpush
