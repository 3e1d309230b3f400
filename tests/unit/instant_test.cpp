#include "app/state/instant.hpp"

#include <catch2/catch.hpp>

using namespace banpush;

namespace {

constexpr std::int64_t noon = 1'800'000'000;
constexpr Seconds days = 86400;

Instant at(std::int64_t wall, double uptime, const char *boot = "one", bool synchronised = true) {
  return {wall, boot, uptime, synchronised};
}

} // namespace

TEST_CASE("within one start of the kernel the uptime counts, and small steps of the clock are no news") {
  CHECK(age_of(at(noon, 1000), at(noon + 600, 1600)).seconds == 600);
  CHECK(age_of(at(noon, 1000), at(noon + 640, 1600)).seconds == 600);
  CHECK(age_of(at(noon, 1000), at(noon + 640, 1600)).correction.empty());
  CHECK(seconds_between(at(noon, 1000), at(noon - 3 * days, 1600)) == 600);
}

TEST_CASE("a clock that was set meanwhile, in either direction, gives a ban its full time, and that is said") {
  for (const Seconds step : {3 * days, -3 * days, Seconds{3600}, Seconds{-3600}}) {
    const Age age = age_of(at(noon, 1000), at(noon + 600 + step, 1600));
    CHECK(age.seconds == 0);
    CHECK_FALSE(age.correction.empty());
  }

  CHECK(age_of(at(noon, 1000), at(noon + 3 * days + 10, 1010)).correction == "this host's clock was 3 days earlier than it is now");
}

TEST_CASE("across a start of the machine only two clocks that were set right can be compared") {
  CHECK(age_of(at(noon, 1000, "one"), at(noon + 7200, 60, "two")).seconds == 7200);
  CHECK(age_of(at(noon, 1000, "one"), at(noon + 7200, 60, "two")).correction.empty());
  CHECK(age_of(at(0, 20, "one", false), at(noon, 60, "two")).seconds == 0); // no battery: it began in 1970
  CHECK_FALSE(age_of(at(0, 20, "one", false), at(noon, 60, "two")).correction.empty());
  CHECK(age_of(at(noon, 1000, "one"), at(noon + 7200, 60, "two", false)).seconds == 0);
  const Age ahead = age_of(at(noon + 7200, 1000, "one"), at(noon, 60, "two"));
  CHECK(ahead.seconds == 0);
  CHECK_FALSE(ahead.correction.empty());
  CHECK_FALSE(seconds_between(at(noon + 7200, 1000, "one"), at(noon, 60, "two")));
}

TEST_CASE("an uptime that goes back within one start is a container's, and no measure") {
  CHECK(age_of(at(noon, 5000), at(noon + 600, 20)).seconds == 600);
  CHECK(seconds_between(at(noon, 5000), at(noon + 600, 20)) == 600);
}

TEST_CASE("this host has a clock") {
  const Instant now = instant_now();
  CHECK(now.wall > 1'600'000'000);
  CHECK(age_of(now, instant_now()).seconds <= 5);
  CHECK(age_of(now, instant_now()).correction.empty());
}
