#include "core/plan/plan.hpp"

#include <catch2/catch.hpp>

using namespace banpush;

namespace {

Block block(std::size_t i) {
  return {Prefix(Family::IPv4,
                 {static_cast<std::uint8_t>(20 + i / 65536), static_cast<std::uint8_t>(i / 256), static_cast<std::uint8_t>(i), 1}, 32),
          {}};
}

// A device that holds blocks 0 to `standing`, and a change to it.
struct Scene {
  Limits limits;
  Installed installed;
  Remembered remembered;
  std::vector<Wanted> wanted;
  Change change;
  std::set<std::string> forced;

  explicit Scene(std::size_t standing) {
    for (std::size_t i = 0; i < standing; ++i) {
      Entry entry;
      entry.block = block(i);
      entry.list = "all";
      installed.entries.push_back(entry);
      remembered.blocks.push_back(entry.block);
    }
  }

  // Adds blocks from `from` on, the later the more worthwhile; each came into force `since` seconds ago.
  void add(std::size_t from, std::size_t count, std::int32_t since = 7200) {
    for (std::size_t i = from; i < from + count; ++i)
      add_one(block(i), since, static_cast<double>(i));
  }

  void add_one(const Block &added, std::int32_t since = 7200, double worth = 1) {
    Addition addition;
    addition.block = added;
    addition.list = "all";
    change.add.push_back(addition);
    Wanted one;
    one.candidate.block = added;
    one.candidate.since = since;
    one.candidate.worth = worth;
    one.list = "all";
    wanted.push_back(one);
  }

  void remove(std::size_t from, std::size_t count, bool explained) {
    for (std::size_t i = from; i < from + count; ++i) {
      Removal removal;
      removal.block = block(i);
      removal.list = "all";
      removal.explained = explained;
      change.remove.push_back(removal);
    }
  }

  Difference held() {
    std::sort(wanted.begin(), wanted.end(), [](const Wanted &a, const Wanted &b) { return a.candidate.block < b.candidate.block; });
    return hold(change, limits, installed, remembered, wanted, forced);
  }
};

std::string names(const Difference &difference) {
  std::string text;
  for (const GuardNote &note : difference.notes)
    text += (text.empty() ? "" : " ") + note.name;
  return text;
}

} // namespace

TEST_CASE("a first fill is bounded by the budget and the span only") {
  Scene scene(0);
  scene.add(0, 5000, 0);
  const Difference held = scene.held();
  CHECK(held.change.add.size() == 5000);
  CHECK(held.notes.empty());
  CHECK(held.left_out.empty());
}

TEST_CASE("add: what exceeds the share is held, the most worthwhile goes") {
  Scene scene(500);
  scene.add(1000, 150);
  Difference held = scene.held();
  CHECK(held.change.add.size() == 100);
  CHECK(names(held) == "add");
  CHECK(held.notes[0].refuses() == false);
  CHECK(held.notes[0].message == "150 entries would be added to 500, more than 20%: at most the 100 most worthwhile go, 50 held back");
  CHECK(held.left_out.size() == 50);
  CHECK(held.left_out[0].verdict == Verdict::Held);
  for (const Addition &addition : held.change.add)
    CHECK(addition.block >= block(1050));

  scene.forced = {"add"};
  CHECK(scene.held().change.add.size() == 150);
  CHECK(scene.held().notes.empty());
}

TEST_CASE("add: just the share is not more than the share") {
  Scene scene(500);
  scene.add(1000, 100);
  CHECK(scene.held().notes.empty());
  scene.limits.add = 0;
  CHECK(scene.held().change.add.empty());
  scene.limits.add = 1;
  CHECK(scene.held().change.add.size() == 100);
}

TEST_CASE("lists up to the floor always pass") {
  Scene small(100);
  small.add(1000, 5000);
  small.remove(0, 100, false);
  CHECK(small.held().notes.empty());
  CHECK(small.held().change.remove.size() == 100);
  Scene larger(101);
  larger.add(1000, 5000);
  larger.remove(0, 100, false);
  CHECK(names(larger.held()) == "add remove");
}

TEST_CASE("a reloaded device is filled again") {
  Scene scene(1000);
  scene.installed.entries.clear();
  scene.add(0, 1000, 0);
  CHECK(scene.held().notes.empty());
  // What the ledger did not hold counts, and its share is of what was verified last.
  scene.add(2000, 200);
  CHECK(scene.held().notes.empty());
  scene.add(3000, 1);
  const Difference held = scene.held();
  CHECK(names(held) == "add");
  CHECK(held.change.add.size() == 1200);
}

TEST_CASE("an entry in another shape is not new") {
  Scene scene(500);
  scene.limits.add = 0;
  scene.add_one({block(7).prefix.with_length(31), {}});               // merged with a neighbour
  scene.add_one({block(9).prefix, Service::parse("tcp/22").value()}); // another service
  scene.remove(7, 1, true);
  const Difference held = scene.held();
  CHECK(held.notes.empty());
  CHECK(held.change.add.size() == 2);
}

TEST_CASE("remove: an unexplained loss stays, explained ones go") {
  Scene scene(500);
  scene.remove(0, 300, true);
  scene.remove(300, 100, false);
  CHECK(scene.held().change.remove.size() == 400);
  scene.remove(400, 1, false);
  const Difference held = scene.held();
  CHECK(held.change.remove.size() == 300);
  CHECK(names(held) == "remove");
  CHECK(held.notes[0].message == "refusing to remove 101 of 500: no expiry, unban or allow explains it (limit 20%)");
  // The ledger knows that their time ran out, though their rows are gone from the table.
  scene.remembered.ended.emplace_back(block(400), 10);
  CHECK(scene.held().change.remove.size() == 401);
  scene.remembered.ended.clear();
  scene.forced = {"remove"};
  CHECK(scene.held().change.remove.size() == 401);
}

TEST_CASE("expiry or unban of all passes") {
  Scene scene(5000);
  scene.remove(0, 5000, true);
  CHECK(scene.held().change.remove.size() == 5000);
  CHECK(scene.held().notes.empty());
}

TEST_CASE("storm: too many at once are held until they are old enough, the rest stays") {
  Scene scene(5000);
  scene.add(10000, 200, 30);
  CHECK(scene.held().notes.empty());
  scene.add(20000, 1, 50);
  scene.add(30000, 5, 3000);
  scene.remove(0, 3, true);
  Difference held = scene.held();
  CHECK(names(held) == "storm");
  CHECK(held.change.add.size() == 5);
  CHECK(held.change.remove.size() == 3);
  CHECK(held.left_out.size() == 201);
  CHECK(held.notes[0].message == "more than 200 bans came within 1m: 201 entries held back until 10m old");
  scene.forced = {"storm"};
  CHECK(scene.held().change.add.size() == 206);
  scene.forced.clear();
  scene.limits.storm.reset();
  CHECK(scene.held().change.add.size() == 206);
}

TEST_CASE("storm: what was let through before it was one counts, and stays") {
  Scene scene(5000);
  for (std::size_t i = 0; i < 150; ++i) {
    Wanted standing;
    standing.candidate.block = block(i);
    standing.candidate.since = 40;
    scene.wanted.push_back(standing);
  }
  scene.add(10000, 60, 10);
  const Difference held = scene.held();
  CHECK(names(held) == "storm");
  CHECK(held.change.add.empty());
  CHECK(held.change.remove.empty());
}

TEST_CASE("storm: released by time, and slow growth is none") {
  Scene over(5000);
  over.add(10000, 300, 601);
  CHECK(over.held().notes.empty());
  Scene slow(50000);
  for (std::size_t i = 0; i < 600; ++i)
    slow.add(60000 + i, 1, static_cast<std::int32_t>(i));
  CHECK(slow.held().notes.empty());
  Scene same(50000);
  for (std::size_t i = 0; i < 600; ++i)
    same.add(60000 + i, 1, static_cast<std::int32_t>(i / 4));
  CHECK(names(same.held()) == "storm");
}

TEST_CASE("span: the device's entries cover only so much of all addresses") {
  Scene scene(0);
  scene.limits.span = 1024.0 / 4294967296.0;
  scene.add_one(Block::parse("203.0.113.0/24").value(), 7200, 5);
  scene.add_one(Block::parse("198.51.100.0/23").value(), 7200, 4);
  scene.add_one(Block::parse("192.0.2.0/24").value(), 7200, 3);
  scene.add_one(Block::parse("100.0.0.1").value(), 7200, 2);
  scene.add_one(Block::parse("2001:db8::1").value(), 7200, 1);
  Difference held = scene.held();
  CHECK(names(held) == "span");
  CHECK(held.change.add.size() == 4);
  REQUIRE(held.left_out.size() == 1);
  CHECK(held.left_out[0].prefix == Prefix::require("100.0.0.1"));
  scene.forced = {"span"};
  CHECK(scene.held().change.add.size() == 5);
  // What leaves makes room.
  Scene full(1024);
  full.limits.span = 1024.0 / 4294967296.0;
  full.add(2000, 2);
  CHECK(full.held().change.add.empty());
  full.remove(0, 2, true);
  CHECK(full.held().change.add.size() == 2);
}

TEST_CASE("what was to be merged into something held stays") {
  Scene scene(200);
  scene.limits.span = 0;
  scene.add_one({block(7).prefix.with_length(24), {}});
  scene.remove(7, 1, true);
  scene.remove(9, 1, true);
  const Difference held = scene.held();
  CHECK(names(held) == "span");
  CHECK(held.change.add.empty());
  REQUIRE(held.change.remove.size() == 1);
  CHECK(held.change.remove[0].block == block(9));
}
