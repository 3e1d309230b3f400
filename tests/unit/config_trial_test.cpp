// What a device's configuration says of changes on trial: confirm_when, and what has to answer before the confirm.
#include "config_folder.hpp"

#include <algorithm>

using namespace banpush;

namespace {

std::string with(const std::string &keys) {
  return "devices:\n  r1: {address: 192.0.2.1, driver: cisco_ios, username: b, agent: yes, accept_unproven: yes, " + keys + "}\n";
}

} // namespace

TEST_CASE("confirm_when: risky unless the device says otherwise") {
  using When = Device::ConfirmWhen;
  const ConfigFolder folder;
  CHECK(folder.load(with("port: 22")).devices.front().confirm_when == When::Risky);
  CHECK(folder.load(with("confirm_when: always")).devices.front().confirm_when == When::Always);
  CHECK(folder.load(with("confirm_when: never")).devices.front().confirm_when == When::Never);
  CHECK(folder.complaint(with("confirm_when: risk")) == "banpush.yaml:2:108: confirm_when: unknown word \"risk\"; did you mean \"risky\"?");
}

TEST_CASE("confirm: more than the platform takes is what it takes, and said") {
  const ConfigFolder folder;
  const auto said = [&](const std::string &confirm) {
    const Config config = folder.load(with("confirm: " + confirm));
    return std::count_if(config.notes.begin(), config.notes.end(), [](const std::string &note) {
      return note.find("r1: confirm is 7260 s, and driver cisco_ios takes 7200 s at most") != std::string::npos;
    });
  };
  CHECK(said("121m") == 1);
  CHECK(said("2h") == 0);
}

TEST_CASE("confirm_when: where nothing can be taken back, it is said to have no effect") {
  const ConfigFolder folder;
  const Config config = folder.load("devices:\n  here: {address: local, driver: linux_nft, confirm_when: always}\n");
  CHECK(std::any_of(config.notes.begin(), config.notes.end(), [](const std::string &note) {
    return note.find("confirm_when has no effect: driver linux_nft cannot roll back by itself") != std::string::npos;
  }));
}

TEST_CASE("probe: places and programs") {
  const ConfigFolder folder;
  const Config config =
      folder.load(with("probe: [\"198.51.100.9:22\", \"[2001:db8::9]:443\", db.example.net:3306, {command: [/bin/ping, x]}]"));
  const std::vector<Probe> &probe = config.devices.front().probe;
  REQUIRE(probe.size() == 4);
  CHECK(probe[0].host == "198.51.100.9");
  CHECK(probe[0].port == 22);
  CHECK(probe[1].host == "2001:db8::9");
  CHECK(probe[1].port == 443);
  CHECK(probe[2].host == "db.example.net");
  CHECK(probe[3].command == std::vector<std::string>{"/bin/ping", "x"});
  CHECK(folder.load(with("probe: \"198.51.100.9:22\"")).devices.front().probe.size() == 1);
}

TEST_CASE("probe: what is neither is refused at its place") {
  const ConfigFolder folder;
  for (const char *wrong : {"198.51.100.9", "198.51.100.9:0", "198.51.100.9:65536", "2001:db8::9:443", "[192.0.2.1]:22",
                            "198.51.100.0/24:22", ":22", "host:ssh", "a b:22"}) {
    INFO(wrong);
    CHECK(folder.complaint(with("probe: [\"" + std::string(wrong) + "\"]"))
              .rfind("banpush.yaml:2:102: probe: expected HOST:PORT (an IPv6 address in brackets), or {command: [PROGRAM, …]}", 0) == 0);
  }
  CHECK(folder.complaint(with("probe: [{run: x}]")).find("unknown key \"run\"") != std::string::npos);
}
