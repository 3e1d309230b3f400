#include "app/commands/commands.hpp"
#include "app/pass.hpp"

#include <algorithm>
#include <iostream>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace banpush {

namespace {

using Json = nlohmann::json;

// Asks for the host keys of one device and its jump host, shows them and stores what is confirmed.
class Enrolment {
public:
  Enrolment(const Settings &settings, const TrustOptions &options, const Device &device)
      : settings_(settings), options_(options), device_(device) {}

  void enrol(const std::string &who, const HostKey &key) {
    const Console &console = settings_.console;
    console.note(fmt::format("{} ({}) shows {} {}", who, key.host, key.type, key.fingerprint));
    if (key.stored == key.fingerprint) {
      console.note("that is the key already stored");
    } else {
      require_replaceable(who, key);
      if (!confirmed(who, key)) {
        console.note("nothing was stored");
        all_ = false;
        return;
      }
      store_host_key(device_, key);
      console.note(fmt::format("stored in {}", device_.login.known_hosts));
    }
    keys_.push_back({{"address", key.host}, {"type", key.type}, {"fingerprint", key.fingerprint}, {"before", key.stored}});
  }

  bool all() const noexcept { return all_; } // nothing was left out
  const Json &keys() const noexcept { return keys_; }

private:
  // A changed key is what an attacker on the way shows. Throws Error (Guard) unless its replacement is asked for.
  void require_replaceable(const std::string &who, const HostKey &key) const {
    if (key.stored.empty())
      return;
    if (!options_.replace)
      throw Error(ErrorKind::Guard,
                  fmt::format("{} shows the host key {}, but the stored key is {}; nothing was stored. If the device was given a "
                              "new key, store it with `banpush trust {} --replace`",
                              who, key.fingerprint, key.stored, device_.name));
    settings_.console.warn(settings_.console.paint(Colour::Red, fmt::format("CHANGED: the stored key is {}", key.stored)));
  }

  bool confirmed(const std::string &who, const HostKey &key) const {
    const Names &expected = options_.fingerprints;
    if (!expected.empty()) {
      if (std::find(expected.begin(), expected.end(), key.fingerprint) == expected.end())
        throw Error(ErrorKind::Guard, fmt::format("{} shows the host key {}, not {}; it was not stored", who, key.fingerprint,
                                                  shown(fmt::format("{}", fmt::join(expected, " or ")), 300)));
      return true;
    }
    if (options_.yes)
      return true;
    if (isatty(STDIN_FILENO) == 0)
      throw Error(ErrorKind::Usage, "nobody is there to confirm the host key; give the fingerprint you expect with --fingerprint, or --yes "
                                    "to trust what is shown");
    settings_.console.warn(fmt::format("compare it with what the console of {} shows. Store it? [y/N]", who));
    std::string answer;
    std::getline(std::cin, answer);
    return answer == "y" || answer == "Y" || answer == "yes";
  }

  const Settings &settings_;
  const TrustOptions &options_;
  const Device &device_;
  Json keys_ = Json::array();
  bool all_ = true;
};

} // namespace

int trust(const Settings &settings, const TrustOptions &options) {
  const Config config = load_for_rescue(settings, {options.device});
  const Device &device = *chosen(config, {options.device}).front();
  if (device.is_local())
    throw Error(ErrorKind::Usage, fmt::format("{} is this host: there is no host key to trust", device.name));
  Enrolment enrolment(settings, options, device);
  if (!device.login.jump.empty()) // the way to the device leads through it: first
    enrolment.enrol(fmt::format("the jump host of {}", device.name), jump_host_key(device));
  if (enrolment.all())
    for (const std::string &address : device.addresses)
      enrolment.enrol(device.name, host_key(device, config.driver(device), address));
  if (settings.console.json())
    settings.console.out(Json{{"schema", 1}, {"device", device.name}, {"keys", enrolment.keys()}}.dump(2) + "\n");
  return enrolment.all() ? 0 : 5;
}

} // namespace banpush
