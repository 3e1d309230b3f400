#include "config/driver/driver_file.hpp"

#include <catch2/catch.hpp>

using namespace banpush;

TEST_CASE("every driver that is shipped loads") {
  const auto all = find_drivers({BANPUSH_SOURCE_DIR});
  REQUIRE_FALSE(all.empty());
  for (const FoundDriver &found : all) {
    INFO(found.problems);
    CHECK(found.driver.has_value());
  }
}
