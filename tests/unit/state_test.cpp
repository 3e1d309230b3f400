#include "app/state/state.hpp"

#include "bans/sqlite/sqlite.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace banpush {

namespace {

class Folder {
public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "banpush-state-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string state() const { return path_ / "state.db"; }

private:
  std::filesystem::path path_;
};

Installed holding(const std::vector<std::string> &blocks) {
  Installed installed;
  for (const std::string &text : blocks) {
    Entry entry;
    entry.block = *Block::parse(text);
    entry.list = "acl4";
    installed.entries.push_back(entry);
  }
  return installed;
}

Change adding(const std::string &block) {
  Change change;
  Addition addition;
  addition.block = *Block::parse(block);
  addition.list = "acl4";
  change.add.push_back(addition);
  return change;
}

Change removing(const std::string &block) {
  Change change;
  Removal removal;
  removal.block = *Block::parse(block);
  removal.list = "acl4";
  change.remove.push_back(removal);
  return change;
}

} // namespace

TEST_CASE("state: what was to come back and did not stays known, so that limits count against it") {
  const Folder folder;
  State state(folder.state());
  state.seen("edge", Plan{}, holding({"203.0.113.7/32", "203.0.113.8/32"}), 0);
  REQUIRE(state.ledger("edge").size() == 2);
  state.started("edge", "push", "test", "", adding("203.0.113.7/32")); // the device had lost it
  state.seen("edge", Plan{}, holding({"203.0.113.8/32"}), 0);
  CHECK(state.ledger("edge").size() == 2);
  state.started("edge", "push", "test", "", removing("203.0.113.7/32"));
  state.seen("edge", Plan{}, holding({"203.0.113.8/32"}), 0);
  CHECK(state.ledger("edge").size() == 1);
}

namespace {

// A plan that wants what is installed, each made of the prefixes behind it.
Plan wanting(const std::vector<std::pair<std::string, std::vector<Origin>>> &blocks) {
  Plan plan;
  for (const auto &[text, made_of] : blocks) {
    Wanted one;
    one.candidate.block = *Block::parse(text);
    one.candidate.until = hour;
    one.list = "acl4";
    one.made_of = made_of;
    plan.wanted.push_back(one);
  }
  return plan;
}

std::optional<Making> made_of(State &state, const std::string &block) { return state.remembered("edge").made_of(*Block::parse(block)); }

bool has_ended(State &state, const std::string &block) { return state.remembered("edge").has_ended(*Block::parse(block)); }

} // namespace

TEST_CASE("state: the ledger knows what entries were made of, as long as they stand") {
  const Folder folder;
  State state(folder.state());
  const std::string cut = "203.0.113.0/25", host = "203.0.113.200/32", pair = "203.0.113.202/31";
  const Origin net{Prefix::require("203.0.113.0/24"), permanent}, over{Prefix::require("203.0.113.202"), -5},
      runs{Prefix::require("203.0.113.203"), hour};
  state.seen("edge", Plan{}, holding({host}), 0);
  CHECK_FALSE(made_of(state, host)); // it was found there
  CHECK_FALSE(made_of(state, cut));
  Plan plan = wanting({{cut, {net}}, {host, {}}, {pair, {over, runs}}});
  plan.wanted.back().candidate.until = -5; // as it stands
  const Installed all = holding({cut, host, pair});
  state.verified("edge", plan, all, 0);
  CHECK(made_of(state, cut) == Making{net});
  CHECK(made_of(state, host) == Making{});
  REQUIRE(made_of(state, pair));
  CHECK(made_of(state, pair)->size() == 2);
  CHECK_FALSE(has_ended(state, pair)); // one of them runs
  state.verified("edge", wanting({{host, {}}}), all, 0);
  CHECK(made_of(state, cut) == Making{net}); // it is wanted no more, and stands
  plan.wanted.back().made_of = {over};
  state.verified("edge", plan, all, 0);
  CHECK(has_ended(state, pair));
  state.verified("edge", plan, holding({host}), 0);
  state.seen("edge", Plan{}, all, 0);
  CHECK_FALSE(made_of(state, cut)); // gone once, and come back by itself
  CHECK(state.trouble().empty());
}

TEST_CASE("state: while something is held, too, it is written until when entries stand and what they are made of") {
  const Folder folder;
  State state(folder.state());
  const std::string host = "203.0.113.7/32", other = "203.0.113.8/32";
  Plan plan = wanting({{host, {}}});
  plan.wanted.front().candidate.until = -10; // it has run out, by the plan of then
  state.verified("edge", plan, holding({host, other}), 0);
  REQUIRE(has_ended(state, host));
  state.seen("edge", wanting({{host, {{Prefix::require("203.0.113.0/24"), permanent}}}}), holding({host, other}), 0);
  CHECK_FALSE(has_ended(state, host));
  CHECK(made_of(state, host)->size() == 1);
  CHECK_FALSE(made_of(state, other));
  state.seen("edge", wanting({{host, {}}}), holding({other}), 0);
  CHECK(state.ledger("edge").size() == 2);
  CHECK(made_of(state, host)->size() == 1); // it was not read
  CHECK(state.trouble().empty());
}

TEST_CASE("state: of a file of before the ledger knew it, nothing is known of what entries were made of") {
  const Folder folder;
  State(folder.state()).seen("edge", Plan{}, holding({"203.0.113.0/25"}), 0);
  {
    const Database file(folder.state());
    file.script("DROP TRIGGER entry_gone; DROP TABLE origin; ALTER TABLE ledger DROP COLUMN known; ALTER TABLE audit DROP COLUMN added; "
                "ALTER TABLE audit DROP COLUMN removed; ALTER TABLE audit DROP COLUMN put_back; DROP TABLE as_read; "
                "ALTER TABLE verified DROP COLUMN driver; ALTER TABLE condition DROP COLUMN kind; "
                "PRAGMA user_version = 8");
  }
  State state(folder.state());
  CHECK(state.trouble().empty());
  CHECK(state.ledger("edge").size() == 1);
  CHECK_FALSE(made_of(state, "203.0.113.0/25"));
  state.verified("edge", wanting({{"203.0.113.0/25", {{Prefix::require("203.0.113.0/24"), permanent}}}}), holding({"203.0.113.0/25"}), 0);
  CHECK(made_of(state, "203.0.113.0/25")->size() == 1);
}

TEST_CASE("state: an entry was held where the ledger has it, nothing of it is in doubt, and the driver is the same") {
  const Folder folder;
  State state(folder.state());
  const auto held = [&](const char *driver, const char *block, const char *list = "acl4") {
    return !state.held("edge", driver, {{*Block::parse(block), list}}).empty();
  };
  const auto verified = [&](const char *driver, const Installed &installed) {
    Plan plan;
    plan.driver = driver;
    state.verified("edge", plan, installed, 0);
  };
  verified("frr", holding({"203.0.113.7/32", "203.0.113.8/32"}));
  state.seen("edge", Plan{}, holding({"203.0.113.7/32", "203.0.113.8/32"}), 0);
  CHECK(held("frr", "203.0.113.7/32"));
  CHECK_FALSE(held("frr", "203.0.113.9/32"));
  CHECK_FALSE(held("frr", "203.0.113.7/32", "acl6"));
  state.started("edge", "push", "test", "", removing("203.0.113.7/32"));
  CHECK_FALSE(held("frr", "203.0.113.7/32")); // by us, perhaps
  state.seen("edge", Plan{}, holding({"203.0.113.7/32", "203.0.113.8/32"}), 0);
  CHECK(held("frr", "203.0.113.7/32"));
  CHECK_FALSE(held("cisco_ios", "203.0.113.7/32"));
  // An attempt with another driver, which has not come to a reading, is no word on what stands.
  state.attempted("edge", {"cisco_ios", "192.0.2.1", "test", "failed", "no route", false}, {});
  CHECK(held("frr", "203.0.113.7/32"));
  CHECK_FALSE(held("cisco_ios", "203.0.113.7/32"));
  // Of a change that the device lost in part, what it does not show.
  Plan plan = wanting({{"203.0.113.9/32", {}}, {"203.0.113.10/32", {}}});
  plan.change.add = {adding("203.0.113.9/32").add.front(), adding("203.0.113.10/32").add.front()};
  state.started("edge", "push", "test", "", plan.change);
  state.lost("edge", plan, holding({"203.0.113.9/32"}), 0);
  CHECK(held("frr", "203.0.113.9/32"));
  CHECK_FALSE(held("frr", "203.0.113.10/32"));
  CHECK(state.remembered("edge").has(*Block::parse("203.0.113.10/32")));
}

TEST_CASE("state: how much a device takes is known by device and driver") {
  const Folder folder;
  State state(folder.state());
  CHECK(state.pace("edge1", "cisco_ios") == Pace{});
  state.learnt("edge1", "cisco_ios", {1800, 0});
  state.learnt("edge1", "cisco_ios", {900, 1790});
  CHECK(state.pace("edge1", "cisco_ios") == Pace{900, 1790});
  CHECK(state.pace("edge1", "frr") == Pace{});
  CHECK(state.pace("edge2", "cisco_ios") == Pace{});
  CHECK(state.trouble().empty());
}

TEST_CASE("state: families are those of what stands, or was sent and not seen since") {
  const Folder folder;
  State state(folder.state());
  CHECK(state.families("edge").empty());
  state.seen("edge", Plan{}, holding({"203.0.113.7/32"}), 0);
  CHECK(state.families("edge") == std::set{Family::IPv4});
  state.started("edge", "push", "test", "", adding("2001:db8::7/128"));
  CHECK(state.families("edge") == std::set{Family::IPv4, Family::IPv6});
}

} // namespace banpush
