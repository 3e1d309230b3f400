// What a plan of a whole device is followed by: changes told by themselves, where the device is as its driver has it.
#include "app/planning.hpp"

#include "app/site/site.hpp"
#include "config_folder.hpp"
#include "core/reading/used_lists.hpp"
#include "made_bans.hpp"

using namespace banpush;
using namespace banpush::test;

TEST_CASE("a device that lacks a list of its driver is planned as a whole each time") {
  const ConfigFolder folder;
  const Config config = folder.load("bans: {url: 'sqlite:bans.db'}\nstate: " + folder.path() +
                                    "/state.db\npolicy: {reserved: allowed}\ndevices:\n  here: {address: local, driver: linux_ipset}\n");
  State state(config.state);
  Site site(config, state, bans_of({{"203.0.113.7"}, {"2001:db8::7"}}), {}, std::vector<std::uint32_t>{1000, 1000});
  const Device &device = config.devices.front();
  const Order order;
  const auto decision = [&](const std::set<std::string> &lacking) {
    const Driver driver = without_lists(config.driver(device), lacking);
    Installed installed;
    for (const List &list : driver.lists)
      installed.lists.emplace_back().list = list.name;
    return make_decision(site, device, driver, {}, std::move(installed), order);
  };
  const Decision whole = decision({});
  CHECK(whole.plan.change.add.size() == 2);
  CHECK(whole.in_step);
  const Decision part = decision({"set6"});
  CHECK(part.plan.change.add.size() == 1);
  CHECK(part.plan.left_out.size() == 1);
  CHECK_FALSE(part.in_step);
}
