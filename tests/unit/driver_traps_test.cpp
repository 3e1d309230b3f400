// What no driver may ever say: words that replace, publish or undo more than banpush's own.
#include "config/driver/driver_file.hpp"
#include "core/driver/pattern.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace banpush;

TEST_CASE("drivers: the verbs that take more than they should are in no template") {
  const Pattern never("^\\s*(?:commit (?:replace|force|best-effort)|commit-confirm|configure replace|configure private|"
                      "rollback [1-9]|rollback configuration|load (?:override|replace|factory-default)|rollback clean-config|"
                      "write erase|erase |reload|copy \\S+ running-config|no ip access-list resequence|default interface)\\b[^\\n]*$");
  for (const FoundDriver &found : find_drivers({BANPUSH_SOURCE_DIR})) {
    REQUIRE(found.driver);
    for (const auto &[name, text] : found.driver->templates) {
      INFO(found.name << " " << name << "\n" << text.text());
      CHECK_FALSE(never.found_in(text.text()));
    }
    // Where a candidate can be had alone, the shared one would publish what others have in it.
    const auto has = [&](const Pattern &line) {
      return std::any_of(found.driver->templates.begin(), found.driver->templates.end(),
                         [&](const auto &one) { return line.found_in(one.second.text()); });
    };
    if (has(Pattern("^configure exclusive$")))
      CHECK_FALSE(has(Pattern("^\\s*configure\\s*$")));
  }
}

TEST_CASE("drivers: nothing that changes a list is told apart by its number alone") {
  for (const char *name :
       {"cisco_ios", "cisco_iosxe", "cisco_ios_group", "cisco_nxos", "cisco_iosxr", "cisco_asa", "arista_eos", "juniper_junos"}) {
    INFO(name);
    const Driver driver = load_driver(std::string(BANPUSH_SOURCE_DIR) + "/drivers/" + name + ".yaml", {BANPUSH_SOURCE_DIR});
    for (const Spoken::Says &says : driver.spoken.remove)
      CHECK((says.line.has_group("prefix") || says.line.has_group("address")));
  }
}
