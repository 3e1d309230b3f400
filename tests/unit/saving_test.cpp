#include "app/saving.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <ctime>
#include <string>

namespace banpush {

namespace {

class Zone {
public:
  explicit Zone(const char *name) {
    if (const char *before = std::getenv("TZ"))
      before_ = before;
    set(name);
  }
  ~Zone() { before_.empty() ? unset() : set(before_.c_str()); }

private:
  static void set(const char *name) {
    ::setenv("TZ", name, 1);
    ::tzset();
  }
  static void unset() {
    ::unsetenv("TZ");
    ::tzset();
  }
  std::string before_;
};

} // namespace

TEST_CASE("saving: the next time of day is after now, by this host's clock") {
  const Zone zone("UTC0");
  const std::int64_t midnight = 1'800'000'000 / 86400 * 86400;
  CHECK(next_time_of_day(210, midnight) == midnight + 210 * 60);
  CHECK(next_time_of_day(210, midnight + 210 * 60 - 1) == midnight + 210 * 60);
  CHECK(next_time_of_day(210, midnight + 210 * 60) == midnight + 86400 + 210 * 60);
  CHECK(next_time_of_day(0, midnight) == midnight + 86400);
}

TEST_CASE("saving: the time of day is kept where clocks are changed") {
  const Zone zone("CET-1CEST,M3.5.0,M10.5.0/3");
  const std::int64_t before_spring = 1774738800; // 2026-03-29 00:00 CET; at 02:00 clocks go to 03:00
  CHECK(next_time_of_day(210, before_spring) == before_spring + 210 * 60 - 3600);
  CHECK(next_time_of_day(210, before_spring + 86400) == before_spring + 86400 + 210 * 60 - 3600);
  const std::int64_t left_out = next_time_of_day(150, before_spring); // 02:30 is not on that day
  CHECK(left_out > before_spring);
  CHECK(left_out <= before_spring + 86400 + 150 * 60);
}

} // namespace banpush
