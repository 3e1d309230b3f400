#include "app/commands/not_configured.hpp"

#include "core/error.hpp"
#include "files/open.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace banpush {

std::vector<State::Known> no_longer_configured(State &state, const Config &config) {
  auto known = state.devices();
  std::erase_if(known, [&](const State::Known &one) { return config.device(one.name) != nullptr || one.entries == 0; });
  return known;
}

std::string what_to_put_back(const State::Known &device) {
  return fmt::format("{}: {} entr{} of ours {} left there by the ledger, and no configuration names it: put it back (driver {}, address "
                     "{}), `banpush flush {}`, then take it out",
                     device.name, device.entries, device.entries == 1 ? "y" : "ies", device.entries == 1 ? "is" : "are",
                     device.driver.empty() ? "not known" : device.driver, device.address.empty() ? "not known" : device.address,
                     device.name);
}

Config load_for_rescue_of(const Settings &settings, const std::vector<std::string> &names) {
  try {
    return load_for_rescue(settings, names);
  } catch (const Error &) {
    Settings quiet = settings;
    quiet.console.volume = Console::Volume::Quiet;
    Config config;
    try {
      config = load_for_rescue(quiet, {});
    } catch (const Error &) {
      config.state.clear(); // there is no more to be told than what went wrong first
    }
    if (!config.state.empty() && file_exists(config.state).value_or(false)) { // opened it would be made
      State state(config.state);
      for (const State::Known &one : no_longer_configured(state, config))
        if (std::find(names.begin(), names.end(), one.name) != names.end())
          throw Error(ErrorKind::Usage, what_to_put_back(one));
    }
    throw;
  }
}

} // namespace banpush
