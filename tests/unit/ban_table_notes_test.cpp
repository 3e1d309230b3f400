#include "bans/sql/side_index.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace banpush;

TEST_CASE("notes are found by the whole natural key and by nothing less") {
  SideIndex notes;
  notes.add({"web1", "sshd", "203.0.113.7", "2026-11-22 12:00:00"}, {5, 600, std::nullopt, false});
  notes.add({"web2", "sshd", "203.0.113.7", "2026-11-22 12:00:00"}, {std::nullopt, permanent, 7, true});
  notes.seal();

  const auto first = notes.find({"web1", "sshd", "203.0.113.7", "2026-11-22 12:00:00"});
  REQUIRE(first);
  CHECK(first->age == 5);
  CHECK(first->until == 600);
  CHECK_FALSE(first->revoked);
  CHECK_FALSE(first->revoked_by_operator);

  // A column with microseconds shows the same moment in more digits.
  const auto second = notes.find({"web2", "sshd", "203.0.113.7", "2026-11-22 12:00:00.000000"});
  REQUIRE(second);
  CHECK_FALSE(second->age);
  CHECK(second->until == permanent);
  CHECK(second->revoked == 7);
  CHECK(second->revoked_by_operator);

  CHECK_FALSE(notes.find({"web3", "sshd", "203.0.113.7", "2026-11-22 12:00:00"}));
  CHECK_FALSE(notes.find({"web1", "sshd", "203.0.113.7", "2026-11-22 12:00:01"}));
  CHECK_FALSE(notes.find({"web1", "sshd", "203.0.113.7", "2026-11-22 12:00:00.5"}));
  CHECK_FALSE(notes.find({"web1s", "shd", "203.0.113.7", "2026-11-22 12:00:00"}));
  CHECK_FALSE(notes.find({"WEB1", "sshd", "203.0.113.7", "2026-11-22 12:00:00"}));
}

TEST_CASE("notes of any number are all found, and it is known which were asked for") {
  for (const int count : {0, 1, 2, 3, 255, 256, 20000}) {
    SideIndex notes;
    const auto ip = [](int i) { return fmt::format("203.0.{}.{}", i / 256, i % 256); };
    for (int i = 0; i < count; ++i)
      notes.add({"web1", "sshd", ip(i), "2026-11-22 12:00:00"}, {i, std::nullopt, std::nullopt, false});
    notes.seal();
    int found = 0;
    for (int i = 0; i < count; i += 2) {
      const auto note = notes.find({"web1", "sshd", ip(i), "2026-11-22 12:00:00"});
      found += note && note->age == i ? 1 : 0;
    }
    CHECK(found == (count + 1) / 2);
    int asked_for = 0;
    for (int i = 0; i < count; ++i)
      asked_for += notes.was_found({"web1", "sshd", ip(i), "2026-11-22 12:00:00"}) ? 1 : 0;
    CHECK(asked_for == found);
    CHECK_FALSE(notes.find({"web1", "sshd", "192.0.2.1", "2026-11-22 12:00:00"}));
  }
}

TEST_CASE("lengths beyond what a note holds keep their meaning") {
  SideIndex notes;
  notes.add({"a", "b", "c", "d"}, {Seconds{1} << 40, -(Seconds{1} << 40), Seconds{1} << 40, false});
  notes.seal();
  const auto note = notes.find({"a", "b", "c", "d"});
  REQUIRE(note);
  CHECK(note->age.value() > Seconds{60} * 365 * 86400);
  CHECK(note->until.value() < -Seconds{60} * 365 * 86400);
  CHECK(note->until != permanent);
  CHECK(note->revoked.value() > 0);
}
