// `families` of a device's policy, and lists that a device has not got.
#include "core/reading/used_lists.hpp"

#include "driver_case.hpp"

using namespace driver_case;

namespace {

std::string setup_text(const Case &one, Stage stage, const std::set<std::string> &unused) {
  Values values = one.values;
  values["no_ipv6"] = "yes";
  const Driver used = without_lists(one.driver, unused);
  Facts facts = one.facts;
  for (const Fact &fact : one.driver.facts) // what is not asked is not known
    if (std::none_of(used.facts.begin(), used.facts.end(), [&](const Fact &kept) { return kept.name == fact.name; })) {
      facts.values.erase(fact.name);
      for (auto &place : facts.attach)
        place.erase(fact.name);
    }
  Installed installed;
  try {
    installed = one.installed();
  } catch (const Error &) { // a reply that is an error, for a list that is not there: nothing is known
  }
  const Facts stated = with_unused(with_states(facts, installed), unused, stage);
  Rendering rendering = one.rendering();
  std::string text;
  for (const Step &step : render_stage({used, rendering.transport, values, stated, {}, 0, false, rendering.attach}, stage))
    text += step.text();
  return text;
}

} // namespace

TEST_CASE("families: nothing of IPv6 is asked, made or taken away where a policy leaves it out") {
  const Pattern of_ipv6("(?i)ipv6|inet6|ip6|[^a-z]v6|::|acl6");
  std::size_t cases = 0;
  for (const fs::path &folder : folders_in(root / "tests/drivers")) {
    const fs::path file = root / "drivers" / (folder.filename().string() + ".yaml");
    if (!fs::exists(file))
      continue;
    const Driver driver = load_driver(file.string(), {root.string()});
    const auto unused = lists_without(driver, {Family::IPv4});
    const Driver used = without_lists(driver, unused);
    for (const List &list : used.lists)
      CHECK(std::count(list.families.begin(), list.families.end(), Family::IPv4) == 1);
    for (const auto &[name, stage] : {std::pair("setup_bare", Stage::Setup), std::pair("unsetup", Stage::Unsetup)}) {
      if (unused.empty() || !fs::exists(folder / name) || driver.name == "openwrt") // its file for the boot makes both families' sets
        continue;
      const Case one(folder / name, driver);
      INFO(driver.name << " " << name);
      const std::string text = setup_text(one, stage, unused);
      INFO(text);
      CHECK_FALSE(text.empty());
      CHECK_FALSE(of_ipv6.found_in(text));
      ++cases;
    }
    // What is asked of one list only is asked no more.
    for (const Read &read : used.reads)
      for (const std::string &list : read.lists)
        CHECK(unused.count(list) == 0);
    for (const Fact &fact : used.facts) {
      INFO(driver.name << " " << fact.name);
      for (const std::string &list : unused)
        CHECK(fact.send.find("{{" + list + "}}") == std::string::npos);
    }
  }
  CHECK(cases > 30);
}

TEST_CASE("a list that a device has not got is left out") {
  const Driver driver = load_driver((root / "drivers/ubiquiti_edgeswitch.yaml").string(), {root.string()});
  REQUIRE(driver.list("acl6") != nullptr);
  CHECK(driver.list("acl6")->when == "!no_acl6");
  const Driver used = without_lists(driver, {"acl6"});
  CHECK(used.lists.size() == 1);
  CHECK(used.list_for(Prefix::require("2001:db8::1"), false) == nullptr);
  CHECK(used.reads.size() == 1);
}
