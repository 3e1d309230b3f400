// What a rescue (`flush`, `pause`, `show`) needs, and what it does not.
#include "config_folder.hpp"

using namespace banpush;

namespace {

constexpr const char *two_devices = "devices:\n"
                                    "  good: {address: a, driver: linux_nft}\n"
                                    "  bad: {address: b, driver: no_such_driver}\n";

Scope rescue(std::vector<std::string> devices) { return {Scope::Kind::Rescue, std::move(devices)}; }

} // namespace

TEST_CASE("a rescue does not depend on a healthy policy") {
  const ConfigFolder folder;
  const std::string device = "devices:\n  good: {address: a, driver: linux_nft}\n";
  for (const std::string broken : {"policy: {bantme: 1d}\n", "policy: {allow: [nonsense]}\n", "policy: {allow_files: [/nonexistent]}\n",
                                   "policy: 7\n", "policy: {bantime: 1d, bantime: 2d}\n", "limits: {add: all}\n", "bans: {url: nonsense}\n",
                                   "bans: {password: secret}\n", "polcy: {}\n", "serve: {workers: 0}\n",
                                   "groups: {other: {key: /nonexistent}}\n", "defaults: {jails: {sshd: {bantime: never}}}\n"}) {
    INFO(broken);
    CHECK(folder.complaint(broken + device) != "nothing");
    const Config config = folder.load(broken + device, rescue({"good"}));
    CHECK(config.device("good") != nullptr);
    CHECK(config.drivers.count("linux_nft") == 1);
    REQUIRE(config.warnings.size() == 1);
    CHECK(folder.without_path(config.warnings.front()).find("banpush.yaml:1:") == 0);
  }
}

TEST_CASE("a rescue does not depend on other devices") {
  const ConfigFolder folder;
  CHECK(folder.complaint(two_devices).find("no_such_driver") != std::string::npos);
  const Config config = folder.load(two_devices, rescue({"good"}));
  CHECK(config.devices.size() == 1);
  CHECK(config.warnings.size() == 1);
}

TEST_CASE("a rescue of all takes those that are right") {
  const ConfigFolder folder;
  const Config config = folder.load(two_devices, rescue({}));
  REQUIRE(config.devices.size() == 1);
  CHECK(config.devices.front().name == "good");
  CHECK(config.warnings.size() == 1);
}

TEST_CASE("a rescue needs the device itself, its driver and its secrets") {
  const ConfigFolder folder;
  folder.write("loose", "x\n", 0644);
  CHECK(folder.complaint(two_devices, rescue({"bad"})).find("banpush.yaml:3:29: there is no driver \"no_such_driver\"") == 0);
  CHECK(folder.complaint(two_devices, rescue({"godo"})) == "banpush.yaml: there is no device \"godo\"; did you mean \"good\"?");
  const std::string loose = "devices:\n  e: {address: a, driver: linux_nft, password: {file: loose}}\n";
  CHECK(folder.complaint(loose, rescue({"e"})) == "banpush.yaml:2:55: file: loose may be read by others (mode 0644); chmod 600 loose");
  CHECK(folder.complaint("devices:\n  e: {address: a, drver: linux_nft}\n", rescue({"e"})).find("unknown key \"drver\"") !=
        std::string::npos);
  CHECK(folder.complaint("devices:\n  e: {address: a, driver: linux_nft}\n  e: {address: b, driver: frr}\n", rescue({"e"})) ==
        "banpush.yaml:3:3: duplicate key \"e\", first in line 2");
  CHECK(folder.complaint("defaults: {password: {file: loose}}\n" + std::string(two_devices), rescue({"good"})) ==
        "banpush.yaml:1:29: file: loose may be read by others (mode 0644); chmod 600 loose");
  CHECK(folder.complaint("devices: {e: {address: [}\n", rescue({"e"})) != "nothing"); // what is no YAML says nothing of any device
}

TEST_CASE("a rescue overlooks what is wrong with the policy of the device itself") {
  const ConfigFolder folder;
  const Config config = folder.load(
      "devices:\n  e: {address: a, driver: linux_nft, bantime: soon, budget: many, limits: {add: x}, policy: {allow: [x], bantime: 1h}}\n",
      rescue({"e"}));
  CHECK(config.device("e") != nullptr);
  CHECK(config.warnings.size() == 4);
}
