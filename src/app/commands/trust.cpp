#include "app/commands/pass.hpp"

#include <iostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace banpush {

namespace {

using Json = nlohmann::json;

bool confirmed(const Settings &settings, const TrustOptions &options, const HostKey &key) {
  if (!options.fingerprint.empty()) {
    if (options.fingerprint != key.fingerprint)
      throw Error(ErrorKind::Guard, fmt::format("{} shows the host key {}, not {}; nothing was stored", options.device, key.fingerprint,
                                                shown(options.fingerprint, 100)));
    return true;
  }
  if (options.yes)
    return true;
  if (isatty(STDIN_FILENO) == 0)
    throw Error(
        ErrorKind::Usage,
        "nobody is there to confirm the host key; give the fingerprint you expect with --fingerprint, or --yes to trust what is shown");
  settings.console.warn("compare it with what the device's own console shows. Store it? [y/N]");
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

} // namespace

int trust(const Settings &settings, const TrustOptions &options) {
  const Config config = load_for_rescue(settings, {options.device});
  const Device &device = *chosen(config, {options.device}).front();
  if (device.is_local())
    throw Error(ErrorKind::Usage, fmt::format("{} is this host: there is no host key to trust", device.name));
  Json stored = Json::array();
  bool all = true;
  for (const std::string &address : device.addresses) {
    const HostKey key = host_key(device, config.driver(device), address);
    settings.console.note(fmt::format("{} ({}) shows {} {}", device.name, address, key.type, key.fingerprint));
    if (key.stored == key.fingerprint) {
      settings.console.note("that is the key already stored");
    } else {
      if (!key.stored.empty())
        settings.console.warn(settings.console.paint(Colour::Red, fmt::format("CHANGED: the key stored until now is {}", key.stored)));
      if (!confirmed(settings, options, key)) {
        settings.console.note("nothing was stored");
        all = false;
        continue;
      }
      store_host_key(device, key);
      settings.console.note(fmt::format("stored in {}", device.login.known_hosts));
    }
    stored.push_back({{"address", address}, {"type", key.type}, {"fingerprint", key.fingerprint}, {"before", key.stored}});
  }
  if (settings.console.json())
    settings.console.out(Json{{"schema", 1}, {"device", device.name}, {"keys", stored}}.dump(2) + "\n");
  return all ? 0 : 5;
}

} // namespace banpush
