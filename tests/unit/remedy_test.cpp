#include "app/words/said_length.hpp"
#include "core/error.hpp"
#include "core/plan/plan.hpp"

#include <catch2/catch.hpp>

using namespace banpush;

TEST_CASE("--force takes the limits that hold something, and nothing else") {
  for (const char *name : {"add", "remove", "storm", "span"}) {
    CHECK(forced_limits({name}).count(name) == 1);
    CHECK(remedy_of({name, "", GuardNote::Effect::Holds}, "edge1") == std::string("`banpush push edge1 --force ") + name + "` lets it go");
  }
  for (const char *name : {"floor", "in_force", "protected", "allow", "shortest", "budget", "", "ADD", "add,remove", "all"})
    CHECK_THROWS_AS(forced_limits({"add", name}), Error);
}

TEST_CASE("what no --force lifts says what to do instead") {
  for (const char *name : {"in_force", "capacity", "shortest", "protected", "allow", "script", "numbers"})
    CHECK(remedy_of({name, "", GuardNote::Effect::Refuses}, "edge1").find("nothing lifts that: ") == 0);
  // Of a range that is merely full, too.
  CHECK(remedy_of({"numbers", "", GuardNote::Effect::Holds}, "edge1") ==
        "nothing lifts that: free numbers in the range, or move a rule that permits everything behind it");
}

TEST_CASE("a length of time behind an option has a unit") {
  CHECK(said_length("--for", "90s") == 90);
  CHECK(said_length("--for", "5m") == 300);
  CHECK(said_length("--for", "permanent") == permanent);
  for (const char *bare : {"5", "90", "0", "0d", "-1", "-5m", "", " 5m", "5 m", "5M", "05m", "1.5h", "1h30m", "+5m", "soon"}) {
    CAPTURE(bare);
    CHECK_THROWS_AS(said_length("--for", bare), Error);
  }
}
