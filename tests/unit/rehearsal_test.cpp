// A template without a readable counterpart is found by `check`.
#include "core/script/rehearsal.hpp"

#include "core/script/script.hpp"
#include "driver_case.hpp"

using namespace driver_case;

namespace {

// What devices must give, as there is no standard value for it.
Values values_for(const Driver &driver) {
  std::map<std::string, std::string> params;
  for (const auto &[name, param] : driver.params)
    if (!param.standard && !param.optional)
      params[name] = param.type == Param::Type::Number ? std::to_string(param.from)
                     : param.one_of.empty()            ? "banpush"
                                                       : param.one_of.front();
  return values_of(driver, params);
}

} // namespace

TEST_CASE("rehearsal: what every driver writes can be read back") {
  for (const std::string &name : driver_names({root.string()})) {
    const Driver driver = load_driver((root / "drivers" / (name + ".yaml")).string(), {root.string()});
    INFO(name);
    CHECK(rehearse(driver, values_for(driver)) == std::vector<std::string>{});
  }
}

TEST_CASE("rehearsal: what cannot be read back is named with its list") {
  Driver driver = load_driver((root / "drivers/cisco_ios.yaml").string(), {root.string()});
  Driver blind = driver;
  blind.spoken.remove.clear();
  const auto wrong = rehearse(blind, values_for(blind));
  REQUIRE(wrong.size() >= 2);
  CHECK_THAT(wrong.front(), Catch::StartsWith("driver cisco_ios, list acl4: what is removed from it cannot be read back: "));
  Driver wider = driver; // reads the network where a host was written
  wider.spoken.add = {{Pattern(R"(^ (?:sequence )?(?P<number>\d+) deny \S+ (?:host )?(?P<prefix>[0-9a-f.:/]+).*$)"), Pattern()}};
  CHECK_FALSE(rehearse(wider, values_for(wider)).empty());
}
