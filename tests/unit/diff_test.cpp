// What turns installed into wanted: numbers, repairs, lists that are not in force.
#include "core/plan/plan.hpp"

#include <catch2/catch.hpp>

using namespace banpush;

namespace {

Prefix p(const char *text) { return Prefix::require(text); }

Driver numbered_driver() {
  Driver driver;
  driver.name = "test";
  List list;
  list.name = "acl4";
  list.families = {Family::IPv4};
  list.numbers = List::Numbers{100, 2000, 10};
  driver.lists.push_back(list);
  return driver;
}

Selection wanting(std::initializer_list<const char *> prefixes) {
  Selection selection;
  for (const char *text : prefixes) {
    Wanted one;
    one.candidate.block.prefix = p(text);
    one.list = "acl4";
    selection.wanted.push_back(one);
  }
  return selection;
}

Installed holding(std::initializer_list<std::pair<const char *, const char *>> entries) {
  Installed installed;
  for (const auto &[prefix, number] : entries) {
    Entry entry;
    entry.block.prefix = p(prefix);
    entry.list = "acl4";
    entry.number = number;
    installed.entries.push_back(entry);
  }
  ListState state;
  state.list = "acl4";
  installed.lists.push_back(state);
  return installed;
}

Difference difference(const Driver &driver, const Selection &selection, const Installed &installed) {
  return diff(driver, selection, {}, {}, installed);
}

} // namespace

TEST_CASE("nothing changes where everything stands") {
  const auto made = difference(numbered_driver(), wanting({"203.0.113.7/32"}), holding({{"203.0.113.7/32", "100"}}));
  CHECK(made.change.empty());
  CHECK(made.notes.empty());
}

TEST_CASE("new numbers are free ones on the grid") {
  Installed installed = holding({{"203.0.113.7/32", "100"}});
  installed.lists[0].taken = {110}; // somebody else's
  const auto made = difference(numbered_driver(), wanting({"203.0.113.7/32", "203.0.113.8/32", "203.0.113.9/32"}), installed);
  REQUIRE(made.change.add.size() == 2);
  CHECK(made.change.add[0].number == "120");
  CHECK(made.change.add[1].number == "130");
}

TEST_CASE("numbers are banpush's own, below the first entry that permits everything") {
  Installed installed = holding({{"203.0.113.7/32", "100"}});
  installed.lists[0].terminal = 112; // somebody typed it there in an emergency
  installed.lists[0].terminals = 2;
  installed.lists[0].taken = {110, 112, 2001};
  auto made = difference(numbered_driver(), wanting({"203.0.113.7/32", "203.0.113.8/32"}), installed);
  REQUIRE(made.change.add.size() == 1);
  CHECK(made.change.add[0].number == "111"); // off the grid, and below it
  installed.lists[0].terminal = 50;
  made = difference(numbered_driver(), wanting({"203.0.113.7/32", "203.0.113.8/32"}), installed);
  CHECK(made.change.empty());
  REQUIRE(made.notes.size() == 1);
  CHECK(made.notes[0].name == "numbers");
  CHECK_THAT(made.notes[0].message,
             Catch::Contains("below the entry that permits everything (50)") && Catch::Contains("1 wanted entry is"));
  CHECK(made.left_out.size() == 1);
}

TEST_CASE("what stands behind a permit of somebody else's with no number free before it is left there, and said") {
  Installed installed = holding({{"203.0.113.7/32", "100"}});
  installed.lists[0].terminal = 50;
  installed.lists[0].terminals = 2;
  installed.entries[0].in_force = false;
  installed.entries[0].why_not = "behind the terminal entry (50)";
  const auto made = difference(numbered_driver(), wanting({"203.0.113.7/32"}), installed);
  CHECK(made.change.empty());
  REQUIRE(made.notes.size() == 1);
  CHECK(made.notes[0].name == "numbers");
}

TEST_CASE("what an earlier rule of somebody else lets through stays, and a person is told") {
  Installed installed = holding({{"203.0.113.7/32", "100"}});
  installed.entries[0].in_force = false;
  installed.entries[0].shadowed = true;
  installed.entries[0].why_not = "an earlier rule lets it through (10 permit ip 203.0.113.0 0.0.0.255 any)";
  installed.lists[0].permits = {{10, Prefix::require("203.0.113.0/24"), "10 permit ip 203.0.113.0 0.0.0.255 any"}};
  const auto made = difference(numbered_driver(), wanting({"203.0.113.7/32", "203.0.113.8/32", "198.51.100.7/32"}), installed);
  CHECK(made.change.remove.empty());
  CHECK(made.change.add.size() == 2);
  REQUIRE(made.notes.size() == 1);
  CHECK(made.notes[0].name == "shadowed");
  CHECK(made.notes[0].effect == GuardNote::Effect::Passes);
  CHECK_THAT(made.notes[0].message, Catch::Contains("2 entries are there but not in force") && Catch::Contains("10 permit ip"));
  CHECK_FALSE(made.notes[0].refuses());
}

TEST_CASE("an entry that is there but not in force is removed and added again") {
  Installed installed = holding({{"203.0.113.7/32", "2010"}});
  installed.entries[0].in_force = false;
  installed.entries[0].why_not = "behind the terminal entry (2000)";
  const auto made = difference(numbered_driver(), wanting({"203.0.113.7/32"}), installed);
  REQUIRE(made.change.remove.size() == 1);
  CHECK(made.change.remove[0].number == "2010");
  CHECK(made.change.remove[0].reason == "not in force: behind the terminal entry (2000)");
  CHECK(made.change.remove[0].explained);
  REQUIRE(made.change.add.size() == 1);
  CHECK(made.change.add[0].number == "100");
}

TEST_CASE("an entry that stands twice stays once") {
  const auto made =
      difference(numbered_driver(), wanting({"203.0.113.7/32"}), holding({{"203.0.113.7/32", "100"}, {"203.0.113.7/32", "110"}}));
  REQUIRE(made.change.remove.size() == 1);
  CHECK(made.change.remove[0].number == "110");
  CHECK(made.change.add.empty());
}

TEST_CASE("what no row names is removed without an explanation") {
  const auto made = difference(numbered_driver(), wanting({}), holding({{"203.0.113.7/32", "100"}}));
  REQUIRE(made.change.remove.size() == 1);
  CHECK_FALSE(made.change.remove[0].explained);
  CHECK(made.change.remove[0].reason == "not in the ban table"); // for all that is known, it never was
  Remembered remembered;
  remembered.blocks = {Block{p("203.0.113.7/32"), {}}};
  const auto known = diff(numbered_driver(), wanting({}), {}, {}, holding({{"203.0.113.7/32", "100"}}), remembered).change.remove.front();
  CHECK(known.reason == "no longer in the ban table");
  CHECK_FALSE(known.explained);
}

TEST_CASE("what is wanted in another shape, list or for another service is not called unwanted") {
  const Installed installed = holding({{"203.0.113.7/32", "100"}});
  Candidates candidates;
  candidates.wanted.emplace_back().block.prefix = p("203.0.113.7/32");
  Driver driver = numbered_driver();
  driver.lists.push_back(driver.lists.front());
  driver.lists.back().name = "acl4b";
  const auto reason = [&](const Selection &selection) {
    return diff(driver, selection, {}, candidates, installed).change.remove.front().reason;
  };
  Selection other_list = wanting({"203.0.113.7/32"}), other_service = other_list, no_place;
  other_list.wanted[0].list = "acl4b";
  other_service.wanted[0].candidate.block.service = *Service::parse("tcp/22");
  no_place.left_out = {{p("203.0.113.7/32"), Verdict::OverBudget, "over budget"}};
  CHECK(reason(other_list) == "it goes into the list acl4b");
  CHECK(reason(other_service) == "wanted for other services instead");
  CHECK(reason(no_place) == "over budget: others are worth more");
  candidates.wanted[0].block.prefix = p("203.0.113.0/24"); // which covers it, and has no place
  no_place.left_out = {{p("203.0.113.0/24"), Verdict::OverBudget, "over budget"}};
  candidates.verdicts = {{p("203.0.113.7/32"), Verdict::Covered}};
  CHECK(reason(wanting({"203.0.113.0/24"})) == "covered by a wider entry");
  CHECK(reason(no_place) == "policy wants it in 203.0.113.0/24, which is left out: over budget: others are worth more");
}

TEST_CASE("nothing is planned in a list that is not in force, and a person is told") {
  for (const bool stands : {true, false}) {
    Installed installed = holding({{"203.0.113.7/32", "100"}});
    installed.lists[0].stands = stands;
    installed.lists[0].in_force = false;
    installed.lists[0].why_not = "no rule uses it";
    const auto made = difference(numbered_driver(), wanting({"203.0.113.7/32", "203.0.113.8/32"}), installed);
    CHECK(made.change.empty());
    REQUIRE(made.notes.size() == 1);
    CHECK(made.notes[0].name == "in_force");
    CHECK_THAT(made.notes[0].message, Catch::Contains("no rule uses it") && Catch::Contains("2 wanted entries are held back"));
    CHECK(made.left_out.size() == 2);
  }
}
